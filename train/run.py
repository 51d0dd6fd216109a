"""A run's folder: `config.json`, `metrics.jsonl`, `step-NNNNNN.safetensors`, pictures."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from train.checkpoint import load_snapshot, save_snapshot, write_atomically
from train.config import Config, GeneratorsConfig, SomeConfig
from train.errors import ConfigError, RunError

SNAPSHOT_NAME = re.compile(r"step-(\d{6,})\.safetensors")


class Run:
    """The files of one run. Creating the object reads and writes nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def config_path(self) -> Path:
        return self.folder / "config.json"

    @property
    def metrics_path(self) -> Path:
        return self.folder / "metrics.jsonl"

    def snapshot_path(self, step: int) -> Path:
        return self.folder / f"step-{step:06d}.safetensors"

    def exists(self) -> bool:
        """Whether the folder holds any part of a run."""
        return self.config_path.exists() or self.metrics_path.exists() or bool(self.steps())

    def save_config(self, config: Config) -> None:
        options = {"command": config.command, **dataclasses.asdict(config)}
        write_atomically(self.config_path, (json.dumps(options, indent=2) + "\n").encode())

    def config(self, kind: type[SomeConfig]) -> SomeConfig:
        """Return the options that the run was started with.

        Raises:
            RunError: there is no run, it belongs to another command, or its config.json is unreadable.
        """
        if (command := self.command()) != kind.command:
            raise RunError(
                f"{self.folder} is a run of `python -m train {command}`, not of `{kind.command}`; "
                "name another folder."
            )
        options = self.options()
        del options["command"]
        if unknown := options.keys() - {field.name for field in dataclasses.fields(kind)}:
            raise RunError(
                f"{self.folder} was trained by an earlier version, with options that no longer exist "
                f"({', '.join(sorted(unknown))}), and can neither be resumed nor evaluated; start a new run "
                "under another --name."
            )
        try:
            return kind(**options)
        except (TypeError, ConfigError) as error:
            raise self.unreadable(error) from error

    def command(self) -> str:
        """Return the command of `python -m train` that made the run; raise RunError if there is no run."""
        command = str(self.options().get("command"))
        # The command was once called `zoo`. Its runs take hours, so the old ones are still read.
        return GeneratorsConfig.command if command == "zoo" else command

    def options(self) -> dict[str, Any]:
        """Return the content of config.json; raise RunError if it is missing or unreadable."""
        try:
            return dict(json.loads(self.config_path.read_text()))
        except FileNotFoundError as error:
            raise RunError(
                f"{self.folder} holds no complete run (config.json is missing); name the folder of a run of "
                "`python -m train`, or start one under another --name."
            ) from error
        except (OSError, TypeError, ValueError) as error:
            raise self.unreadable(error) from error

    def unreadable(self, error: Exception) -> RunError:
        return RunError(
            f"{self.config_path} cannot be read ({error}); delete {self.folder} and start the run again."
        )

    def steps(self) -> list[int]:
        """Return the steps that have a snapshot, in order."""
        found = (SNAPSHOT_NAME.fullmatch(path.name) for path in self.folder.glob("step-*.safetensors"))
        return sorted(int(match[1]) for match in found if match)

    def last(self) -> int:
        """Return the step of the newest snapshot; raise RunError if there is none."""
        if not (steps := self.steps()):
            raise RunError(f"{self.folder} holds no snapshot; finish the run with --resume first.")
        return steps[-1]

    def save(self, step: int, tensors: Mapping[str, torch.Tensor], header: Mapping[str, Any]) -> None:
        save_snapshot(self.snapshot_path(step), tensors, header)

    def load(self, step: int) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        return load_snapshot(self.snapshot_path(step))

    def drop_except(self, keep: Sequence[int]) -> None:
        """Delete the snapshots of all other steps."""
        for step in set(self.steps()) - set(keep):
            self.snapshot_path(step).unlink()

    def log(self, row: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl; raise RunError if it cannot be written."""
        try:
            with self.metrics_path.open("a") as stream:
                stream.write(json.dumps(row) + "\n")
        except OSError as error:
            raise RunError(
                f"{self.metrics_path} cannot be written ({error.strerror}); free some space or fix the "
                "folder's permissions, then run the same command with --resume."
            ) from error

    def metrics(self) -> list[dict[str, Any]]:
        """Return the lines of metrics.jsonl, without any that a kill cut short."""
        rows = []
        if self.metrics_path.is_file():
            for line in self.metrics_path.read_text().splitlines():
                try:
                    rows.append(json.loads(line))
                except ValueError:
                    continue
        return rows

    def rewind_metrics(self, step: int) -> None:
        """Drop the lines after a step, which a resumed run writes again."""
        kept = [json.dumps(row) + "\n" for row in self.metrics() if row["step"] <= step]
        write_atomically(self.metrics_path, "".join(kept).encode())
