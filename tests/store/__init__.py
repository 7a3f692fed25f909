"""One contract over every store, races, faults, and how a store is opened."""
