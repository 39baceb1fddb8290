// These tests wait for servers more than they compute: twice as many at once as this machine has cores, on the two that are usual.
[assembly: Xunit.v3.Parallelization(MaxThreads = 4)]
