"""Every family of the zoo by name, the slowest first, so that they end together when trained side by side."""

from collections.abc import Mapping
from typing import Final

from train.zoo.conditional_gan import ConditionalGan
from train.zoo.family import Family
from train.zoo.flow import Flow
from train.zoo.hinge_gan import HingeGan
from train.zoo.mlp_gan import MlpGan
from train.zoo.morphs import Morphs
from train.zoo.pca_mixture import PcaMixture
from train.zoo.pixel_cnn import PixelCnn
from train.zoo.r3gan import R3Gan
from train.zoo.sharp_vae import SharpVae
from train.zoo.vae import Vae
from train.zoo.wgan_gp import WganGp

FAMILIES: Final[Mapping[str, type[Family]]] = {
    "conditional_gan": ConditionalGan,
    "flow": Flow,
    "pixel_cnn": PixelCnn,
    "r3gan": R3Gan,
    "wgan_gp": WganGp,
    "hinge_gan": HingeGan,
    "sharp_vae": SharpVae,
    "mlp_gan": MlpGan,
    "vae": Vae,
    "pca_mixture": PcaMixture,
    "morphs": Morphs,
}
