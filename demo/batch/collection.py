"""`python -m demo check --out DIR`: a collection's answers as tables, from this process or from a cluster."""

import argparse
from functools import partial
from importlib.util import find_spec

from demo.errors import UsageError

NEEDED = {"local": ("pyarrow",), "ray": ("pyarrow", "ray")}
"""The libraries that writing tables, and spreading the work, take."""


def check_collection(parsed: argparse.Namespace) -> bool:
    """Judge what the command line names; returns whether all pictures could be judged.

    Raises:
        UsageError: options do not go together, what they take is not installed, or the folder of results
            belongs to something else.
        ModelError: the model is missing, altered, or gives other numbers than when published.
        ResultsError: a table cannot be read or written, or the cluster not reached.
    """
    if parsed.engine == "local" and (parsed.workers or parsed.ray_address):
        raise UsageError("--workers and --ray-address are for --engine ray; add it, or leave them out.")
    if parsed.out is None:
        raise UsageError("--engine ray and --part are for answers written into a folder; name it with --out.")
    if parsed.json:
        raise UsageError("--out writes tables and prints no line a picture; leave --json out.")
    if any(find_spec(name) is None for name in NEEDED[parsed.engine]):
        raise UsageError('--out and --engine ray take libraries that are missing; pip install ".[ray]".')

    from demo.batch.parts import PICTURES_IN_PART, judge_collection, judge_here
    from demo.batch.plan import make_plan
    from demo.inference.engine import Engine

    on_ray = parsed.engine == "ray"
    engine = Engine.load(parsed.models, "cpu" if on_ray else parsed.device, parsed.model)
    size = parsed.part or PICTURES_IN_PART
    plan = make_plan(parsed.files, parsed.out, size, engine.manifest, engine.model)
    if not on_ray:
        return judge_collection(plan, parsed.out, partial(judge_here, engine, parsed.out))

    from demo.batch.ray import Cluster, Judging, judge_on_ray

    device = "cuda" if parsed.device == "cuda" else "cpu"
    folder, out = str(parsed.models.absolute()), str(parsed.out.absolute())
    judging = Judging(folder, engine.model, device, plan.models, out, plan.sha256)
    cluster = Cluster(parsed.ray_address, parsed.workers)
    return judge_collection(plan, parsed.out, partial(judge_on_ray, cluster, judging))
