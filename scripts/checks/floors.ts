// Imports point down only: dependency-cruiser with the rules of .dependency-cruiser.cjs.
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { cruise, type ICruiseResult, type IFlattenedRuleSet } from 'dependency-cruiser'
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config'
import type { Finding, Rule } from './rule.ts'
import { root } from './run-tool.ts'

const { options, ...ruleSet } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs')
const planted = join(root, 'scripts', 'planted', 'floors')

async function violationsIn(baseDir: string): Promise<{ read: number; violations: { rule: string; text: string }[] }> {
  const transpile = { tsConfig: extractTsConfig(join(root, 'tsconfig.json')) }
  const places = ['src', 'sdk/src'].filter((place) => existsSync(join(baseDir, place)))
  const { output } = await cruise(places, { ...options, baseDir, validate: true, ruleSet }, undefined, transpile)
  const { summary, modules } = output as ICruiseResult
  const own = modules.filter((module) => /^(sdk\/)?src\//.test(module.source))
  // Under a TypeScript it does not know the cruiser reads modules and sees no import in them.
  const read = own.some((module) => module.dependencies.length > 0) ? own.length : 0
  return {
    read,
    violations: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, text: `${from} → ${to}` })),
  }
}

/** Each rule must report the violation planted for it, and no other rule may. */
async function missed(): Promise<Finding[]> {
  const names = (ruleSet as IFlattenedRuleSet).forbidden?.map((rule) => rule.name ?? '') ?? []
  const findings = readdirSync(planted).flatMap((name) => (names.includes(name) ? [] : [`${name}: no such rule`]))
  for (const name of names) {
    const { violations } = await violationsIn(join(planted, name)).catch(() => ({ violations: [] }))
    if (!violations.some(({ rule }) => rule === name)) findings.push(`${name}: its planted violation was not reported`)
    const others = violations.filter(({ rule }) => rule !== name)
    findings.push(...others.map(({ rule, text }) => `${name}: also reported by ${rule} (${text})`))
  }
  return findings
}

export const floors: Rule = {
  name: 'floors',
  async check() {
    const { read, violations } = await violationsIn(root)
    return { read, unit: 'modules', findings: violations.map(({ rule, text }) => `${rule}: ${text}`) }
  },
  planted: missed,
}
