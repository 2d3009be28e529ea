"""Statistical questions from outside, one JSON line each, answered by the functions the product decides with."""
