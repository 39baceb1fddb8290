# The worker's image: `luxhedge worker`, and every operator's command.
FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
WORKDIR /src

# Packages first, from the lock files alone, so that a change of the code restores nothing again.
COPY Directory.Build.props Directory.Packages.props global.json .editorconfig ./
COPY workflows/LuxHedge.Workflows.csproj workflows/packages.lock.json workflows/
COPY activities/LuxHedge.Activities.csproj activities/packages.lock.json activities/
COPY worker/LuxHedge.Worker.csproj worker/packages.lock.json worker/
RUN dotnet restore worker --locked-mode

COPY runbooks runbooks
COPY workflows workflows
COPY activities activities
COPY worker worker
RUN dotnet publish worker --configuration Release --no-restore --output /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0-noble
WORKDIR /app
COPY --from=build /app .

# A new volume takes the owner of the folder it covers: the directory store must be writable for who runs this, and closed to others.
RUN install -d -m 700 -o "$APP_UID" -g "$APP_UID" /mnt/nas
USER $APP_UID

ENV LUXHEDGE_PLAN=/etc/luxhedge/luxhedge.yaml \
    DOTNET_EnableDiagnostics=0
ENTRYPOINT ["dotnet", "luxhedge.dll"]
CMD ["worker"]
