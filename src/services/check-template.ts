import { pointerTo, type SchemaIssue } from '../ground/plain-issue.ts'
import { Problem } from '../ground/problem.ts'
import { canonicalTarget } from '../ground/target.ts'
import { compileService } from './compile.ts'
import type { Service } from './contract.ts'
import { defineService } from './define.ts'
import { variablesIn } from './from-template.ts'
import { ServiceTemplate } from './service-template.ts'
import { shapeIssues, type TemplateIssue, withoutIssues } from './template-issues.ts'

export type CheckedTemplate =
  | { readonly template: ServiceTemplate; readonly issues: readonly [] }
  | { readonly template: undefined; readonly issues: readonly [TemplateIssue, ...TemplateIssue[]] }

/** Reads what was parsed from a file. All that is wrong is named at once: in shape, and in what only the whole can tell. */
export function checkTemplate(value: unknown): CheckedTemplate {
  const parsed = ServiceTemplate.safeParse(value)
  const found = (parsed.error?.issues ?? []) as readonly SchemaIssue[]
  const sound: Partial<ServiceTemplate> = parsed.data ?? withoutIssues(value, found)
  const issues = [...shapeIssues(found), ...wholeIssues(sound, parsed.success)]
  const [first, ...others] = issues
  if (first !== undefined) return { template: undefined, issues: [first, ...others] }
  return { template: parsed.data!, issues: [] }
}

/** `whole` is false where parts were taken out: nothing is said of what is missing then. */
function wholeIssues(sound: Partial<ServiceTemplate>, whole: boolean): TemplateIssue[] {
  const issues = [...variableIssues(sound, whole), ...scopeIssues(sound, whole), ...partIssues(sound)]
  return issues.length > 0 || !whole ? issues : lastIssues(sound as ServiceTemplate)
}

/** With every part of it sound by itself: what they are together. */
function lastIssues(template: ServiceTemplate): TemplateIssue[] {
  try {
    return probeIssues(template, compiled(template))
  } catch (error) {
    return [issueOf(error, '')]
  }
}

/** Each part in a service with nothing else, so that one that is refused hides no other. */
function partIssues({ origins = [], injection, paths = [], actions = {}, ...rest }: Partial<ServiceTemplate>) {
  const { variables = {}, name = 'template', addresses, oauth } = rest
  // What is wrong with the addresses themselves is said once, and of each origin nothing then.
  const around = issueIn({ name, variables, addresses: addresses ?? [] }, '/addresses')
  if (around !== undefined) return [around]
  const tried = (part: Partial<ServiceTemplate>, at: string) =>
    issueIn({ name, variables, ...(addresses && { addresses }), ...part }, at) ?? []
  const wrongOrigins = origins.flatMap((origin, index) =>
    // A brace that no variable fills is said already.
    isFilled(origin, variables) ? tried({ origins: [origin] }, pointerTo(['origins', index])) : [],
  )
  const whole = wrongOrigins.length === 0 && origins.every((origin) => isFilled(origin, variables)) ? origins : []
  return [
    ...wrongOrigins,
    ...(injection && whole.length > 0 ? [tried({ origins: whole, injection }, '/injection')].flat() : []),
    ...(oauth ? [tried({ oauth }, '/oauth')].flat() : []),
    ...paths.flatMap((path, index) => tried({ paths: [path] }, pointerTo(['paths', index]))),
    ...Object.entries(actions).flatMap(([action, input]) =>
      tried(
        { actions: { [action]: { ...input, scopes: [`${name}:part:any`] } } },
        pointerTo(['actions', action, 'path']),
      ),
    ),
  ]
}

function isFilled(origin: string, variables: NonNullable<ServiceTemplate['variables']>): boolean {
  return [...variablesIn({ origins: [origin] })].every((name) => Object.hasOwn(variables, name))
}

const plainest = { title: 'x', docs: 'https://x.example/api', origins: ['https://x.example'], scopes: {}, actions: {} }

function issueIn(part: Partial<ServiceTemplate> & { name: string }, at: string): TemplateIssue | undefined {
  const { addresses = [], variables = {}, ...rest } = part
  const used = variablesIn({ origins: rest.origins ?? [] })
  const template = {
    ...{ ...plainest, injection: { kind: 'none' as const } },
    ...rest,
    variables: Object.fromEntries(Object.entries(variables).filter(([name]) => used.has(name))),
    ...(addresses.length > 0 && { addresses }),
  }
  try {
    compiled(template)
    return undefined
  } catch (error) {
    return issueOf(error, at)
  }
}

function issueOf(error: unknown, at: string): TemplateIssue {
  if (!(error instanceof Problem)) throw error
  const { member, action, second } = error.facts
  const named = second ?? action
  const place =
    named !== undefined
      ? pointerTo(['actions', named])
      : pointerTo(
          String(member ?? '')
            .split('.')
            .slice(0, member ? 9 : 0),
        )
  const facts = Object.entries(error.facts).filter(([name]) => name !== 'member')
  const said = [error.detail ?? error.title, ...facts.map(([name, fact]) => `${name}: ${fact}`), `[${error.code}]`]
  return { at: at === '' ? place : at, wrong: said.join(' '), ...(error.hint !== undefined && { hint: error.hint }) }
}

/** The service that it makes, with the examples as values. */
function compiled(template: ServiceTemplate): Service {
  const set = Object.fromEntries(Object.entries(template.variables ?? {}).map(([name, { example }]) => [name, example]))
  const { name, definition } = defineService({ name: template.name, template, set })
  return compileService({ id: 'srv_template' as never, name, definition, createdAt: 0, updatedAt: 0, epoch: 0 })
}

function variableIssues({ variables = {}, origins = [] }: Partial<ServiceTemplate>, whole: boolean): TemplateIssue[] {
  const used = variablesIn({ origins })
  const stray = origins.flatMap((origin, index) =>
    [...variablesIn({ origins: [origin] })]
      .filter((name) => !Object.hasOwn(variables, name))
      .map((name) => ({ at: pointerTo(['origins', index]), wrong: `{${name}} is none of the variables` })),
  )
  const idle = Object.keys(variables).filter((name) => whole && !used.has(name))
  return [...stray, ...idle.map((name) => ({ at: pointerTo(['variables', name]), wrong: 'no origin holds it' }))]
}

function scopeIssues({ name, scopes, actions = {} }: Partial<ServiceTemplate>, whole: boolean): TemplateIssue[] {
  const used = new Set<string>()
  const issues: TemplateIssue[] = []
  for (const [action, { scopes: wanted }] of Object.entries(actions)) {
    for (const [index, scope] of wanted.entries()) {
      used.add(scope)
      const at = pointerTo(['actions', action, 'scopes', index])
      if (name !== undefined && !scope.startsWith(`${name}:`))
        issues.push({ at, wrong: `'${scope}' does not begin with '${name}:'` })
      else if (whole && !Object.hasOwn(scopes ?? {}, scope))
        issues.push({ at, wrong: `'${scope}' is not explained among /scopes` })
    }
  }
  for (const scope of Object.keys(scopes ?? {}))
    if (whole && !used.has(scope)) issues.push({ at: pointerTo(['scopes', scope]), wrong: 'no action wants it' })
  return issues
}

function probeIssues({ probe }: ServiceTemplate, service: Service): TemplateIssue[] {
  if (probe === undefined) return []
  if (service.resolve(probe.method, canonicalTarget(probe.path)) !== undefined) return []
  return [{ at: '/probe/path', wrong: 'is not one of the paths that may be called' }]
}
