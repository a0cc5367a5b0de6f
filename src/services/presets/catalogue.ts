import { classMethods, type MethodClass } from '../../policy/scope.ts'
import { type ActionInput, type ServiceInput, serviceProblem } from '../contract.ts'
import { anthropic } from './anthropic.ts'
import { demo } from './demo.ts'
import { discord } from './discord.ts'
import { gemini } from './gemini.ts'
import { github } from './github.ts'
import { google } from './google.ts'
import { openai } from './openai.ts'
import type { Preset, PresetAction } from './preset.ts'
import { slack } from './slack.ts'
import { stripe } from './stripe.ts'
import { twitter } from './twitter.ts'

export const presets: readonly Preset[] = [
  anthropic,
  demo,
  discord,
  gemini,
  github,
  google,
  openai,
  slack,
  stripe,
  twitter,
]

const byName = new Map(
  presets.flatMap((preset) => [preset.name, ...(preset.aliases ?? [])].map((name) => [name, preset])),
)

/** What the preset says of a service that is called `service` here. Throws Problem `preset_unknown`. */
export function findPreset(name: string, service: string): Omit<ServiceInput, 'name'> {
  const preset = byName.get(name)
  if (preset === undefined) {
    const hint = `There are: ${[...byName.keys()].join(', ')}. What is none of them is described with --origin and --inject, or a file.`
    throw serviceProblem('preset_unknown', { hint })
  }
  const actions = Object.fromEntries(preset.actions.map((action) => [action[0], expand(action, service)]))
  return { preset: preset.name, ...preset.settings, actions }
}

function expand([, method, path, scope, risk]: PresetAction, service: string): ActionInput {
  const verb = scope.slice(scope.indexOf(':') + 1)
  return {
    method,
    path,
    scopes: [`${service}:${scope}`],
    ...(isClass(verb) && { class: verb }),
    ...(risk !== undefined && { risk }),
  }
}

function isClass(verb: string): verb is MethodClass {
  return Object.hasOwn(classMethods, verb)
}
