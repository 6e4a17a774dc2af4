"""`python -m fewtune`."""

from fewtune.cli.main import main

if __name__ == "__main__":
    main()
