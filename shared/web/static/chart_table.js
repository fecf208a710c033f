/**
 * The charts of the overview. `lines` are drawn against the left axis, `right` against the right
 * one; `bands` names the metric whose warning and critical figures are marked; `top`: the axis
 * always reaches so far; `isExtra`: only drawn where it was measured.
 *
 * @typedef {{id: string, title: string, lines: string[], right?: string[], bands?: string,
 *   top?: number, lead: string, isExtra?: boolean}} Chart
 */

import { metric } from "./words.js";

/** @type {Chart[]} */
export const CHARTS = [
  {
    id: "dtu", title: "DTU Utilization Trend", lead: "dtuUtilization", bands: "dtuUtilization",
    lines: ["dtuUtilization", "dtuCpu", "dtuDataIo", "dtuLogWrite"], top: 100,
  },
  {
    id: "memory", title: "Memory Usage Trend", lead: "memoryUsage", bands: "memoryUsage",
    lines: ["memoryUsage", "memoryProcess", "memoryHeap"], top: metric("memoryUsage").limit,
  },
  {
    id: "response", title: "Response time", lead: "responseTime.p95", bands: "responseTime.avg",
    lines: ["responseTime.p95", "responseTime.p50", "responseTime.p99"],
  },
  {
    id: "traffic", title: "Throughput and errors", lead: "throughput",
    lines: ["throughput"], right: ["errorRate", "clientErrorRate"],
  },
  {
    id: "network", title: "Bandwidth and sockets", lead: "bytesOut",
    lines: ["bytesOut", "bytesIn"], right: ["outboundSockets"],
  },
  {
    id: "people", title: "Users and interactions", lead: "activeUsers",
    lines: ["activeUsers", "interactionsLogged", "reportsGenerated"],
  },
  {
    id: "deals", title: "Deals and revenue", lead: "dealsWon", isExtra: true,
    lines: ["dealsWon", "dealsLost"], right: ["revenueWon"],
  },
  {
    id: "conduct", title: "Logins and refusals", lead: "failedLogins", isExtra: true,
    lines: ["failedLogins", "failedLoginsByAddress", "authorisationFailures", "scanRequests"],
  },
];

/** A metric's name in the chart: "p95" under "Response time". @param {Chart} chart @param {string} name */
export function shortLabel(chart, name) {
  const { label } = metric(name);
  return label.startsWith(`${chart.title} (`) ? label.slice(chart.title.length + 2, -1) : label;
}

/** Every metric of a chart, the lead first. @param {Chart} chart */
export function metricsOf(chart) {
  const all = [...chart.lines, ...(chart.right ?? [])];
  return [chart.lead, ...all.filter((name) => name !== chart.lead)];
}
