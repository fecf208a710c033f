/** What the app adds of its own catalog when it binds the modules; see shared/web/dashboard.py. */

declare const catalog: {
  metrics: Record<string, any>;
  sources: Record<string, string>;
  severities: string[];
};

export default catalog;
