"""Values of Calico: nodes, pools, blocks, peers, filters, selectors, and what Felix and BIRD say."""
