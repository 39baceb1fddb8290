using LuxHedge.Worker.Commands;

return await Terminal.RunAsync(args);
