"""What the incidents of a time were, in figures that each name the incidents behind them."""
