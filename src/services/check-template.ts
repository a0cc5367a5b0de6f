import { Problem } from '../ground/problem.ts'
import { canonicalTarget } from '../ground/target.ts'
import { compileService } from './compile.ts'
import type { Service } from './contract.ts'
import { defineService } from './define.ts'
import { variablesIn } from './from-template.ts'
import { ServiceTemplate } from './service-template.ts'

/** Something wrong with a template: where, and what. */
export interface TemplateIssue {
  /** Members from the outside in, joined by dots; empty for the whole. */
  readonly at: string
  readonly wrong: string
}

export type CheckedTemplate =
  | { readonly template: ServiceTemplate; readonly issues: readonly [] }
  | { readonly template: undefined; readonly issues: readonly [TemplateIssue, ...TemplateIssue[]] }

/** Reads what was parsed from a file: its shape first, then what only the whole can tell. All that is wrong is named. */
export function checkTemplate(value: unknown): CheckedTemplate {
  const parsed = ServiceTemplate.safeParse(value)
  const issues = parsed.success ? wholeIssues(parsed.data) : shapeIssues(parsed.error.issues)
  const [first, ...others] = issues
  if (first !== undefined) return { template: undefined, issues: [first, ...others] }
  return { template: parsed.data!, issues: [] }
}

interface ZodIssue {
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly code?: string | undefined
  readonly errors?: readonly (readonly ZodIssue[])[]
}

/** For a choice between shapes, the complaints about the one that comes nearest. */
function shapeIssues(found: readonly ZodIssue[], above: readonly PropertyKey[] = []): TemplateIssue[] {
  return found.flatMap((issue) => {
    const path = [...above, ...issue.path]
    const choices = (issue.errors ?? []).filter((choice) => choice.length > 0)
    const nearest = choices.sort((one, other) => depth(other) - depth(one) || one.length - other.length)[0]
    if (nearest !== undefined) return shapeIssues(nearest, path)
    return [{ at: path.map(String).join('.'), wrong: issue.message }]
  })
}

function depth(issues: readonly ZodIssue[]): number {
  return Math.max(...issues.map(({ path, code }) => path.length + (code === 'unrecognized_keys' ? 1 : 0)))
}

function wholeIssues(template: ServiceTemplate): TemplateIssue[] {
  const issues = [...variableIssues(template), ...scopeIssues(template)]
  if (issues.length > 0) return issues
  try {
    return probeIssues(template, compiled(template))
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const { member, action } = error.facts
    const at = action === undefined ? String(member ?? '') : `actions.${action}`
    const facts = Object.entries(error.facts).map(([name, fact]) => `${name}: ${fact}`)
    return [{ at, wrong: [error.detail ?? error.title, `(${error.code})`, ...facts].join(' ') }]
  }
}

/** The service that it makes, with the examples as values. */
function compiled(template: ServiceTemplate): Service {
  const set = Object.fromEntries(Object.entries(template.variables ?? {}).map(([name, { example }]) => [name, example]))
  const { name, definition } = defineService({ name: template.name, template, set })
  return compileService({ id: 'srv_template' as never, name, definition, createdAt: 0, updatedAt: 0, epoch: 0 })
}

function variableIssues(template: ServiceTemplate): TemplateIssue[] {
  const declared = Object.keys(template.variables ?? {})
  const used = variablesIn(template)
  return [
    ...[...used].filter((name) => !declared.includes(name)).map((name) => issue('origins', `{${name}} is no variable`)),
    ...declared.filter((name) => !used.has(name)).map((name) => issue(`variables.${name}`, 'no origin holds it')),
  ]
}

function scopeIssues({ name, scopes, actions }: ServiceTemplate): TemplateIssue[] {
  const used = new Set<string>()
  const issues: TemplateIssue[] = []
  for (const [action, { scopes: wanted }] of Object.entries(actions)) {
    for (const scope of wanted) {
      used.add(scope)
      const at = `actions.${action}.scopes`
      if (!scope.startsWith(`${name}:`)) issues.push(issue(at, `'${scope}' does not begin with '${name}:'`))
      else if (!Object.hasOwn(scopes, scope)) issues.push(issue(at, `'${scope}' is not among the template's scopes`))
    }
  }
  for (const scope of Object.keys(scopes))
    if (!used.has(scope)) issues.push(issue(`scopes.${scope}`, 'no action wants it'))
  return issues
}

function probeIssues({ probe }: ServiceTemplate, service: Service): TemplateIssue[] {
  if (probe === undefined) return []
  if (service.resolve(probe.method, canonicalTarget(probe.path)) !== undefined) return []
  return [issue('probe.path', 'is not one of the paths that may be called')]
}

function issue(at: string, wrong: string): TemplateIssue {
  return { at, wrong }
}
