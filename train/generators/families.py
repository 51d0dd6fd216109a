"""Every family of the zoo by name, the slowest first, so that they end together when trained side by side."""

from collections.abc import Mapping
from typing import Final

from train.generators.base import Family
from train.generators.conditional_gan import ConditionalGan
from train.generators.flow import Flow
from train.generators.hinge_gan import HingeGan
from train.generators.mlp_gan import MlpGan
from train.generators.morphs import Morphs
from train.generators.pca_mixture import PcaMixture
from train.generators.pixel_cnn import PixelCnn
from train.generators.r3gan import R3Gan
from train.generators.sharp_vae import SharpVae
from train.generators.vae import Vae
from train.generators.wgan_gp import WganGp

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
