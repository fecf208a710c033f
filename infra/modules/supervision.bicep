metadata description = 'Azure\'s own alerts on the monitor, which work when it does not: silence, failures, money.'

@description('Region of the rules.')
param location string

@description('What names are made of.')
param workload string

@description('Name of the function app, as its telemetry carries it.')
param appName string

@description('Resource id of the workspace with its telemetry.')
param workspaceResourceId string

@description('Who is told by e-mail.')
param operatorEmail string

@description('What this resource group may cost a month, in the currency of the subscription\'s bill; 0: no budget.')
param monthlyBudget int

@description('First day of the budget\'s first month, the same in every deployment; empty: no budget.')
param budgetStart string

var silence = 'AppTraces | where AppRoleName =~ "${appName}" | where Message startswith "heartbeat: "'
var failures = 'AppExceptions | where AppRoleName =~ "${appName}"'

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${workload}'
  location: 'global'
  properties: {
    groupShortName: 'monitor'
    enabled: true
    emailReceivers: [
      {
        name: 'operator'
        emailAddress: operatorEmail
        useCommonAlertSchema: true
      }
    ]
  }
}

resource silent 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'sqr-${workload}-silent'
  location: location
  properties: {
    displayName: 'The monitor is silent'
    description: 'No heartbeat for 10 minutes: nobody watches. Look at docs/operate.md, "It is silent"; the doctor says what is wrong.'
    severity: 1
    enabled: true
    evaluationFrequency: 'PT5M'
    windowSize: 'PT10M'
    scopes: [workspaceResourceId]
    // A workspace that was just made may not know its tables yet.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: silence
          timeAggregation: 'Count'
          operator: 'LessThan'
          threshold: 1
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: [operators.id]
    }
  }
}

resource failing 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'sqr-${workload}-failing'
  location: location
  properties: {
    displayName: 'The monitor fails'
    description: 'More than 5 exceptions in 15 minutes. Look at docs/operate.md, "It fails"; infra/queries/failures_today.kql says which.'
    severity: 2
    enabled: true
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    scopes: [workspaceResourceId]
    // A workspace that was just made may not know its tables yet.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: failures
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 5
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: [operators.id]
    }
  }
}

resource budget 'Microsoft.Consumption/budgets@2021-10-01' = if (monthlyBudget > 0 && !empty(budgetStart)) {
  name: 'budget-${workload}'
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: budgetStart
    }
    notifications: {
      nearly: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        contactEmails: [operatorEmail]
      }
      foreseen: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: [operatorEmail]
      }
    }
  }
}
