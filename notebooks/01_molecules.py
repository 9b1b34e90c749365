# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Molecules in ten minutes

# %%
import molgan

molgan.MolGAN(molgan.Config.load("default", ["steps=5", "pretrain.steps=20"])).fit(["CCO", "CCN"] * 20).sample(3)
