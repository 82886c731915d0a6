import { describe, expect, it } from 'vitest';
import { DARK, LIGHT, type Palette } from './palette.js';

/** WCAG 2 relative luminance. */
function luminance(color: string): number {
  const [r, g, b] = [1, 3, 5].map((start) => {
    const channel = Number.parseInt(color.slice(start, start + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light! + 0.05) / (dark! + 0.05);
}

const TEXT: [keyof Palette, keyof Palette][] = [
  ['ink', 'page'],
  ['ink', 'card'],
  ['muted', 'page'],
  ['muted', 'card'],
  ['muted', 'sunken'],
  ['accent', 'page'],
  ['accent', 'card'],
  ['good', 'good-soft'],
  ['bad', 'bad-soft'],
  ['unsure', 'unsure-soft'],
  ['private', 'private-soft'],
];
const LINES: (keyof Palette)[] = ['open-1', 'open-2', 'dp-1', 'dp-2', 'dp-3', 'dp-4', 'muted'];

describe.each([
  ['light', LIGHT],
  ['dark', DARK],
])('%s palette', (_, palette) => {
  it.each(TEXT)('%s on %s is legible', (text, ground) => {
    expect(contrast(palette[text], palette[ground])).toBeGreaterThanOrEqual(4.5);
  });

  it.each(LINES)('%s stands out as a line', (line) => {
    expect(contrast(palette[line], palette.card)).toBeGreaterThanOrEqual(3);
  });
});
