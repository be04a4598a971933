/**
 * `barChart`: draws the figures of one unit as horizontal bars, one per subject, as SVG.
 *
 * It uses Apache ECharts, which renders to a string without a DOM and depends on two packages
 * (zrender, tslib), neither of them native.
 *
 * @module
 */
import { BarChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { directionOf, valueOf, type Matrix } from './matrix.ts';
import { numberText } from './number-text.ts';

/** Returns the SVG. The same figures give the same SVG, also in another process. */
export function barChart(title: string, { subjects, rows }: Matrix): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...sizeOf(subjects, rows.length) });
  const axis = axisFor(rows.flatMap((row) => subjects.map((subject) => valueOf(row, subject))));
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    color: COLORS,
    title: {
      text: title,
      subtext: axisText(rows[0]?.unit ?? '', axis),
      left: 0,
      textStyle: { fontSize: 15 },
    },
    // ECharts can only estimate the widths of texts, because readers have different fonts. So the
    // legend has wide gaps.
    legend: { bottom: 0, left: 0, itemGap: 32, data: [...subjects] },
    grid: { top: TOP, bottom: BOTTOM, left: LABELS, right: 70 },
    xAxis: axis,
    yAxis: {
      type: 'category',
      inverse: true,
      data: rows.map(({ figure }) => figure),
      axisTick: { show: false },
      axisLabel: { width: LABELS - 12, overflow: 'break' },
    },
    series: subjects.map((subject) => ({
      type: 'bar' as const,
      name: subject,
      silent: true,
      data: rows.map((row) => valueOf(row, subject) ?? null),
      label: { show: true, position: 'right' as const, formatter: labelText },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${withoutHover(withoutCounters(svg)).trim()}\n`;
}

function sizeOf(subjects: readonly string[], rows: number): { width: number; height: number } {
  return { width: WIDTH, height: TOP + BOTTOM + rows * (subjects.length * BAR + GAP) };
}

function axisText(unit: string, { type }: Axis): string {
  const direction = directionOf(unit);
  const better = direction === 'none' ? '' : `, ${direction} is better`;
  return `${unit}${better}${type === 'log' ? ', logarithmic' : ''}`;
}

interface Axis {
  type: 'log' | 'value';
  min?: number;
}

/**
 * Returns a logarithmic axis if the largest value is at least 100 times the smallest value above 0,
 * because the small bars would be invisible on a linear axis. For all other values, returns a
 * linear axis.
 */
function axisFor(values: readonly (number | undefined)[]): Axis {
  const positive = values.filter((value) => value !== undefined && value > 0) as number[];
  const smallest = Math.min(...positive);
  if (positive.length === 0 || Math.max(...positive) / smallest < LOGARITHMIC_FROM) {
    return { type: 'value' };
  }
  return { type: 'log', min: 10 ** Math.floor(Math.log10(smallest / 2)) };
}

function labelText({ value }: { value: unknown }): string {
  return typeof value === 'number' ? numberText(value) : '';
}

/**
 * Removes the numbers from the names in the SVG, such as `zr3-`, because ECharts increases them
 * with each chart that a process draws.
 */
function withoutCounters(svg: string): string {
  return svg.replaceAll(/\bzr\d+-/g, 'zr-');
}

/**
 * Removes the styles for a mouse pointer, because an image in a page does not react to a pointer.
 */
function withoutHover(svg: string): string {
  return svg
    .replace(/<style[^>]*>[\s\S]*?<\/style>\n?/, '')
    .replaceAll(/ (class|ecmeta_\w+)="[^"]*"/g, '');
}

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const WIDTH = 820;
const TOP = 56;
const BOTTOM = 60;
const LABELS = 210;
const BAR = 18;
const GAP = 16;
const LOGARITHMIC_FROM = 100;
/** Colours of Okabe and Ito, which colour-blind readers can distinguish. */
const COLORS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'];
