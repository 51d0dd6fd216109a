"""The generated READMEs are what their generators write today."""

from export.benchmark import command


def test_the_benchmark_readme_shows_the_kept_results() -> None:
    assert command.README.read_text(encoding="utf-8") == command.readme()
