"""Adversarial losses, penalties, policy gradients, the evidence bound: functions of tensors, nothing averaged."""
