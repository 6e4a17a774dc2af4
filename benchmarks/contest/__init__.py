"""What `make bench` is made of: fewtune beside peft and transformers.Trainer, in turn. Start at benchmarks/speed.py."""
