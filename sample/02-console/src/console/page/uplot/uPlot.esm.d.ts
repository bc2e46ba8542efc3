/** The page gets this file from the installed package. */
import uPlot from 'uplot';

export default uPlot;
