"""From a plan to a tuned model. The only place that knows accelerate."""
