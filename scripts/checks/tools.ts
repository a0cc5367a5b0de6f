// The rules that other people's tools hold: types, lint and format, dead code.
import { globSync } from 'node:fs'
import { consoleInstalled } from '../console.mjs'
import type { Rule } from './rule.ts'
import { root, runTool } from './run-tool.ts'

export const types: Rule = {
  name: 'types',
  async check() {
    const { code, output } = await runTool('typescript/bin/tsc', ['--listFilesOnly'])
    if (code !== 0) return { read: 0, unit: 'files', findings: lines(output) }
    const read = lines(output).filter((path) => !path.includes('/node_modules/')).length
    const run = await runTool('typescript/bin/tsc', ['--pretty', 'false'])
    return { read, unit: 'files', findings: run.code === 0 ? [] : lines(run.output) }
  },
}

/** The console is a package of its own, for browsers. */
export const consoleTypes: Rule = {
  name: 'console types',
  async check() {
    const missing = consoleInstalled()
    if (missing !== undefined) return { read: 0, unit: 'files', findings: [missing] }
    const project = ['--pretty', 'false', '-p', 'console']
    const { code, output } = await runTool('typescript/bin/tsc', project)
    const read = globSync('console/src/**/*.{ts,tsx}', { cwd: root }).length
    return { read, unit: 'files', findings: code === 0 ? [] : lines(output) }
  },
}

export const lint: Rule = {
  name: 'lint',
  async check() {
    const { code, output } = await runTool('@biomejs/biome/bin/biome', [
      'check',
      '--colors=off',
      '--max-diagnostics=20',
      '--diagnostic-level=warn',
      '.',
    ])
    const read = Number(/Checked (\d+) files?/.exec(output)?.[1] ?? 0)
    return { read, unit: 'files', findings: code === 0 ? [] : lines(output) }
  },
}

export const deadCode: Rule = {
  name: 'dead code',
  async check() {
    const { code, output } = await runTool('knip/bin/knip.js', ['--no-progress', '--no-config-hints'])
    const read = globSync('src/**/*.ts', { cwd: root }).length
    return { read, unit: 'files', findings: code === 0 ? [] : lines(output) }
  },
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}
