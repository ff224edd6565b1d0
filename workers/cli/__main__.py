"""Entry point of `handoff` and of `python -m workers.cli`."""

from workers.cli.main import handoff


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 failed, 2 wrongly called."""
    handoff(prog_name="handoff")


if __name__ == "__main__":
    main()
