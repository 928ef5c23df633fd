"""What every command shares: inputs, printing, processes, where reports lie."""
