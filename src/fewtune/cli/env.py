"""`fewtune env`."""

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def env(as_json: bool) -> None:
    """Show versions, hardware and the precision that would be used."""
    import torch

    from fewtune.engine.precision import choose_device, choose_precision
    from fewtune.kernels import native
    from fewtune.record.environment import environment
    from fewtune.settings import HardwareConfig

    device = choose_device(HardwareConfig())
    about = environment() | {
        "device": device,
        "device_name": torch.cuda.get_device_name() if device == "cuda" else None,
        "compiled_kernels": native.library() is not None,
        "precision": choose_precision(HardwareConfig(), device).name,
        "threads": torch.get_num_threads(),
    }
    del about["command"]
    if as_json:
        click.echo(json.dumps(about))
        return
    for name, value in about.items():
        if isinstance(value, dict):
            for package, version in value.items():
                click.echo(f"{package:<18}{version or 'not installed'}")
        elif value is not None:
            click.echo(f"{name:<18}{value}")
