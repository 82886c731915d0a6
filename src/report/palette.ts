/** Colours by name, for both modes. Tests hold every text colour to a contrast of 4.5 and every line to 3. */
export interface Palette {
  readonly page: string;
  readonly card: string;
  readonly sunken: string;
  readonly hairline: string;
  readonly ink: string;
  readonly muted: string;
  readonly accent: string;
  readonly 'open-1': string;
  readonly 'open-2': string;
  readonly 'dp-1': string;
  readonly 'dp-2': string;
  readonly 'dp-3': string;
  readonly 'dp-4': string;
  readonly good: string;
  readonly 'good-soft': string;
  readonly bad: string;
  readonly 'bad-soft': string;
  readonly unsure: string;
  readonly 'unsure-soft': string;
  readonly private: string;
  readonly 'private-soft': string;
}

export const LIGHT: Palette = {
  page: '#f6f5f1',
  card: '#ffffff',
  sunken: '#f3f2ed',
  hairline: '#dfddd4',
  ink: '#1b2127',
  muted: '#565f68',
  accent: '#0b5f66',
  'open-1': '#b3410e',
  'open-2': '#8a5a00',
  'dp-1': '#00696f',
  'dp-2': '#3451b2',
  'dp-3': '#7a3e9d',
  'dp-4': '#3d6b1f',
  good: '#0c6140',
  'good-soft': '#e3f3ea',
  bad: '#a3202a',
  'bad-soft': '#fbe8e7',
  unsure: '#6d5200',
  'unsure-soft': '#faf1d7',
  private: '#7b2d6f',
  'private-soft': '#f7e9f4',
};

export const DARK: Palette = {
  page: '#111417',
  card: '#1a1f24',
  sunken: '#21272d',
  hairline: '#343c44',
  ink: '#e9ecee',
  muted: '#a6b0b9',
  accent: '#6fd6d2',
  'open-1': '#ff9d6c',
  'open-2': '#f0c05a',
  'dp-1': '#4fd6cf',
  'dp-2': '#93b0ff',
  'dp-3': '#d6a3f5',
  'dp-4': '#a5d66f',
  good: '#7fdcae',
  'good-soft': '#163227',
  bad: '#ffa29b',
  'bad-soft': '#3d1e1f',
  unsure: '#efcf7a',
  'unsure-soft': '#352b12',
  private: '#eea9e1',
  'private-soft': '#3a1f36',
};

/** `--name: colour;` for every colour. */
export function cssVariables(palette: Palette): string {
  return Object.entries(palette)
    .map(([name, color]) => `--${name}:${color};`)
    .join('');
}
