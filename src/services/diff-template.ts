import { canonicalJson } from '../ground/canonical-json.ts'
import type { ServiceDefinition } from './contract.ts'
import { fromTemplate, variablesIn } from './from-template.ts'
import type { ServiceTemplate } from './service-template.ts'

/** One member that is not the same; JSON texts, undefined where one side has nothing. */
export interface TemplateDifference {
  /** `actions.repo.get.path`, `origins`, `injection` … */
  readonly member: string
  readonly service: string | undefined
  readonly template: string | undefined
}

const EVERYWHERE = ['/', '/{+path}']

/** What differs between a service and what the template would make of it under the same name. Pure. */
export function diffTemplate(
  name: string,
  definition: ServiceDefinition,
  template: ServiceTemplate,
): readonly TemplateDifference[] {
  const origins = originsFit(definition.origins, template) ? definition.origins : template.origins
  const would = { paths: EVERYWHERE, ...fromTemplate(template, name, { origins }) }
  const { template: _, ...is } = definition
  const [here, there] = [members(is), members(would)]
  return [...new Set([...here.keys(), ...there.keys()])]
    .sort()
    .filter((member) => here.get(member) !== there.get(member))
    .map((member) => ({ member, service: here.get(member), template: there.get(member) }))
}

/** Whether the origins are those of the template with some values in the place of its variables. */
function originsFit(origins: readonly string[], template: ServiceTemplate): boolean {
  if (variablesIn(template).size === 0 || origins.length !== template.origins.length) return false
  return template.origins.every((wanted, at) => {
    const pattern = wanted
      .split(/\{[a-z][a-z0-9_]*\}/)
      .map(RegExp.escape)
      .join('[A-Za-z0-9-]+')
    return new RegExp(`^${pattern}$`).test(origins[at]!)
  })
}

/** Actions one by one and member by member, everything else as a whole. */
function members(definition: object): Map<string, string> {
  const found = new Map<string, string>()
  for (const [member, value] of Object.entries(definition)) {
    if (value === undefined) continue
    if (member !== 'actions') found.set(member, canonicalJson(value))
    else {
      for (const [action, parts] of Object.entries(value as Record<string, object>)) {
        for (const [part, one] of Object.entries(parts)) {
          if (one !== undefined) found.set(`actions.${action}.${part}`, canonicalJson(one))
        }
      }
    }
  }
  return found
}
