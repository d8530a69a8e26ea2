"""A model of Calico and of the kernels below it: `settle` computes of a World what each host would answer."""
