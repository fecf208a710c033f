metadata description = 'The questions of infra/queries/ in the workspace\'s own list of queries, under "Pantry monitor".'

@description('Name of the workspace with the monitor\'s telemetry.')
param workspaceName string

// A query that exists is refused (409) without etag: '*', which the service takes here and which Bicep's
// types don't know (github.com/Azure/bicep-types-az/issues/1548).
var category = 'Pantry monitor'

resource workspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' existing = {
  name: workspaceName
}

resource atAMoment 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-at-a-moment'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'At a moment'
    query: loadTextContent('../queries/at_a_moment.kql')
    version: 2
  }
}

resource deliveries 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-deliveries'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Deliveries'
    query: loadTextContent('../queries/deliveries.kql')
    version: 2
  }
}

resource failingSources 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-failing-sources'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Failing sources'
    query: loadTextContent('../queries/failing_sources.kql')
    version: 2
  }
}

resource failuresToday 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-failures-today'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Failures today'
    query: loadTextContent('../queries/failures_today.kql')
    version: 2
  }
}

resource heartbeats 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-heartbeats'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Heartbeats'
    query: loadTextContent('../queries/heartbeats.kql')
    version: 2
  }
}

resource lateSources 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-late-sources'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Late sources'
    query: loadTextContent('../queries/late_sources.kql')
    version: 2
  }
}

resource missedMinutes 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-missed-minutes'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Missed minutes'
    query: loadTextContent('../queries/missed_minutes.kql')
    version: 2
  }
}

resource passDurations 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-pass-durations'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Pass durations'
    query: loadTextContent('../queries/pass_durations.kql')
    version: 2
  }
}

resource slowPasses 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-slow-passes'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Slow passes'
    query: loadTextContent('../queries/slow_passes.kql')
    version: 2
  }
}

resource suppressions 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-suppressions'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Suppressions'
    query: loadTextContent('../queries/suppressions.kql')
    version: 2
  }
}

resource transitions 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-transitions'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Transitions'
    query: loadTextContent('../queries/transitions.kql')
    version: 2
  }
}

resource unfinishedPasses 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-unfinished-passes'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Unfinished passes'
    query: loadTextContent('../queries/unfinished_passes.kql')
    version: 2
  }
}

resource whyItFired 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'pantry-why-it-fired'
  properties: {
    #disable-next-line BCP037
    etag: '*'
    category: category
    displayName: 'Why it fired'
    query: loadTextContent('../queries/why_it_fired.kql')
    version: 2
  }
}
