import { type ServiceDefinition, ServiceInput, serviceProblem } from './contract.ts'
import { findPreset } from './presets/catalogue.ts'

/** `/` and everything below it, but no segment with `%2F` or `;`: those only an action or a stated path opens. */
const EVERYWHERE = ['/', '/{+path}']

/**
 * A full definition from what the operator said: what is left out comes from the preset, then from the defaults, and is
 * kept as if it had been said, so that a later version's defaults change nothing.
 * Throws Problem `service_invalid`, `preset_unknown`.
 */
export function defineService(input: ServiceInput): { readonly name: string; readonly definition: ServiceDefinition } {
  const parsed = ServiceInput.safeParse(input)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw serviceProblem('service_invalid', {
      detail: `${issue.path.join('.') || 'The service'}: ${issue.message}`,
      facts: { member: issue.path.join('.') },
    })
  }
  const { name, ...given } = parsed.data
  const preset = given.preset === undefined ? {} : findPreset(given.preset, name)
  const { origins, paths = EVERYWHERE, actions = {}, ...rest } = { ...preset, ...withoutUndefined(given) }
  if (origins === undefined) {
    throw serviceProblem('service_invalid', {
      detail: 'The service has no origin.',
      hint: 'Name at least one origin, such as https://api.example.com, or a preset.',
      facts: { member: 'origins' },
    })
  }
  return { name, definition: { ...rest, origins: [...origins], paths: [...paths], actions } }
}

function withoutUndefined<T extends object>(members: T): T {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as T
}
