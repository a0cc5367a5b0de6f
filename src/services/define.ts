import { plainIssue, type SchemaIssue } from '../ground/plain-issue.ts'
import { type ServiceDefinition, ServiceInput, serviceProblem } from './contract.ts'
import { fromTemplate } from './from-template.ts'
import { findTemplate } from './templates/catalogue.ts'

/** `/` and everything below it, but no segment with `%2F` or `;`: those only an action or a stated path opens. */
const EVERYWHERE = ['/', '/{+path}']

/**
 * A full definition from what the operator said: what is left out comes from the template, then from the defaults, and
 * is kept as if it had been said, so that a later version's defaults change nothing.
 * Throws Problem `service_invalid`, `service_template_unknown`, `service_template_values`.
 */
export function defineService(input: ServiceInput): { readonly name: string; readonly definition: ServiceDefinition } {
  const parsed = ServiceInput.safeParse(input)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw serviceProblem('service_invalid', {
      detail: `${issue.path.join('.') || 'The service'}: ${plainIssue(issue as SchemaIssue)}`,
      facts: { member: issue.path.join('.') },
    })
  }
  const { name, template: named, preset, set, ...given } = parsed.data
  const template = templateOf(named ?? preset)
  if (template === undefined && set !== undefined) {
    throw serviceProblem('service_invalid', { detail: 'Only a template has values to set.', facts: { member: 'set' } })
  }
  const said = withoutUndefined(given)
  const base = template === undefined ? {} : fromTemplate(template, name, { ...said, ...(set && { set }) })
  const { origins, paths = EVERYWHERE, actions = {}, ...rest } = { ...base, ...said }
  if (origins === undefined) {
    throw serviceProblem('service_invalid', {
      detail: 'The service has no origin.',
      hint: 'Name at least one origin, such as https://api.example.com, or a template.',
      facts: { member: 'origins' },
    })
  }
  const from = template === undefined ? {} : { template: template.name }
  return { name, definition: { ...from, ...rest, origins: [...origins], paths: [...paths], actions } }
}

function templateOf(named: ServiceInput['template']) {
  return typeof named === 'string' ? findTemplate(named) : named
}

function withoutUndefined<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T
}
