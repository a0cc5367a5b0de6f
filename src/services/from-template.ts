import type { ServiceInput } from './contract.ts'
import { serviceProblem } from './contract.ts'
import type { ActionInput } from './service-parts.ts'
import type { ServiceTemplate } from './service-template.ts'

type Settings = Omit<ServiceInput, 'name' | 'template' | 'preset' | 'set'>

/** One label of a host name, so that a value cannot lead to a host that the template does not speak of. */
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/
const BRACES = /\{([a-z][a-z0-9_]*)\}/g

/**
 * What a template says of a service that is called `service` here: its scopes begin with that name. `origins` are those
 * that the operator named instead of the template's; `set` are values of its variables.
 * Throws Problem `service_template_values`.
 */
export function fromTemplate(
  template: ServiceTemplate,
  service: string,
  { set = {}, origins }: Pick<ServiceInput, 'set' | 'origins'>,
): Settings & { readonly origins: string[] } {
  const { injection, paths, addresses, timeouts, oauth, plainQuery, probe, placeholder, bodyFields } = template
  const actions = Object.entries(template.actions).map(([name, action]) => [name, renamed(template, action, service)])
  return {
    origins: origins === undefined ? originsOf(template, set) : [...origins],
    injection,
    actions: Object.fromEntries(actions),
    ...(paths !== undefined && { paths }),
    ...(addresses !== undefined && { addresses }),
    ...(timeouts !== undefined && { timeouts }),
    ...(oauth !== undefined && { oauth: unmarked(oauth) }),
    ...(plainQuery !== undefined && { plainQuery }),
    ...(probe !== undefined && { probe: unmarked(probe) }),
    ...(placeholder !== undefined && { placeholder }),
    ...(bodyFields !== undefined && { bodyFields }),
  }
}

/** Without what is said for people alone. */
function unmarked<T extends { page?: unknown; unverified?: unknown }>({ page: _, unverified: __, ...rest }: T) {
  return rest
}

/** Names of the variables that the origins hold. */
export function variablesIn({ origins }: Pick<ServiceTemplate, 'origins'>): ReadonlySet<string> {
  return new Set(origins.flatMap((origin) => [...origin.matchAll(BRACES)].map(([, name]) => name!)))
}

function renamed({ name }: ServiceTemplate, action: ServiceTemplate['actions'][string], service: string): ActionInput {
  const { scopes, ...rest } = unmarked(action)
  return { ...rest, scopes: scopes.map((scope) => `${service}${scope.slice(name.length)}`) }
}

function originsOf(template: ServiceTemplate, set: Readonly<Record<string, string>>): string[] {
  const wanted = variablesIn(template)
  const stray = Object.keys(set).find((name) => !wanted.has(name))
  if (stray !== undefined)
    throw refused(
      template,
      `It has no '${stray.slice(0, 32)}'; it asks for ${[...wanted].join(', ') || 'nothing'}.`,
      stray,
    )
  const missing = [...wanted].filter((name) => set[name] === undefined)
  if (missing.length > 0) {
    const wants = missing.map((name) => `${name} (${template.variables?.[name]?.about ?? name})`).join(', ')
    throw refused(template, `It wants ${wants}.`, missing[0]!)
  }
  for (const name of wanted) {
    if (!LABEL.test(set[name]!)) throw refused(template, `'${name}' takes letters, digits and - alone.`, name)
  }
  return template.origins.map((origin) => origin.replace(BRACES, (_, name: string) => set[name]!))
}

function refused({ name }: ServiceTemplate, detail: string, variable: string) {
  return serviceProblem('service_template_values', { detail, facts: { template: name, variable } })
}
