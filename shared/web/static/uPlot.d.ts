/** The chart library, as far as types go. */

declare const uPlot: any;

export default uPlot;
