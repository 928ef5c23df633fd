"""What became of a subject after treatment: response, events, endpoints, toxicity grades."""
