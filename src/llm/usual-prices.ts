/** What vendors asked for a million tokens in dollars when this was written, by models' names without their date. Data: an operator's say counts. */
import type { PriceRow } from './prices.ts'

const priced = (vendor: string, rows: Readonly<Record<string, readonly [input: number, output: number]>>): PriceRow[] =>
  Object.entries(rows).map(([model, [input, output]]) => ({ vendor, model, input, output }))

export const usualPrices: readonly PriceRow[] = [
  ...priced('openai', {
    'gpt-5.2': [1.75, 14],
    'gpt-5.1': [1.25, 10],
    'gpt-5-mini': [0.25, 2],
    'gpt-5-nano': [0.05, 0.4],
    'gpt-5-chat': [1.25, 10],
    'gpt-5-codex': [1.25, 10],
    'gpt-5': [1.25, 10],
    'gpt-4.1-nano': [0.1, 0.4],
    'gpt-4.1-mini': [0.4, 1.6],
    'gpt-4.1': [2, 8],
    'gpt-4o-mini': [0.15, 0.6],
    'gpt-4o': [2.5, 10],
    'o4-mini': [1.1, 4.4],
    o3: [2, 8],
    'text-embedding-3-small': [0.02, 0],
    'text-embedding-3-large': [0.13, 0],
  }),
  ...priced('anthropic', {
    'claude-opus-4-5': [5, 25],
    'claude-opus-4-1': [15, 75],
    'claude-opus-4': [15, 75],
    'claude-sonnet-4-5': [3, 15],
    'claude-sonnet-4': [3, 15],
    'claude-haiku-4-5': [1, 5],
    'claude-3-5-haiku': [0.8, 4],
  }),
  ...priced('google', {
    'gemini-3-pro-preview': [2, 12],
    'gemini-3-pro': [2, 12],
    'gemini-2.5-pro': [1.25, 10],
    'gemini-2.5-flash-lite': [0.1, 0.4],
    'gemini-2.5-flash': [0.3, 2.5],
  }),
  ...priced('deepseek', { 'deepseek-chat': [0.28, 0.42], 'deepseek-reasoner': [0.28, 0.42] }),
  ...priced('mistral', { 'mistral-large': [2, 6], 'mistral-small': [0.1, 0.3], 'mistral-embed': [0.1, 0] }),
  ...priced('groq', { 'llama-3.3-70b-versatile': [0.59, 0.79] }),
  ...priced('grok', {
    'grok-4-1-fast': [0.2, 0.5],
    'grok-4-1-fast-reasoning': [0.2, 0.5],
    'grok-4-1-fast-non-reasoning': [0.2, 0.5],
    'grok-4': [3, 15],
  }),
  ...priced('perplexity', { 'sonar-pro': [3, 15], sonar: [1, 1] }),
  ...priced('ollama', { '': [0, 0] }),
]
