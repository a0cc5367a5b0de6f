import { serviceProblem } from '../contract.ts'
import type { ServiceTemplate } from '../service-template.ts'
import anthropic from './anthropic.json' with { type: 'json' }
import demo from './demo.json' with { type: 'json' }
import discord from './discord.json' with { type: 'json' }
import gemini from './gemini.json' with { type: 'json' }
import github from './github.json' with { type: 'json' }
import google from './google.json' with { type: 'json' }
import openai from './openai.json' with { type: 'json' }
import shopify from './shopify.json' with { type: 'json' }
import slack from './slack.json' with { type: 'json' }
import stripe from './stripe.json' with { type: 'json' }
import twitter from './twitter.json' with { type: 'json' }

/** The bundled templates, by name. That each is one is held by `bundled.test.ts`, not looked at again here. */
export const templates = [
  anthropic,
  demo,
  discord,
  gemini,
  github,
  google,
  openai,
  shopify,
  slack,
  stripe,
  twitter,
] as unknown as readonly ServiceTemplate[]

const byName = new Map(
  templates.flatMap((template) => [template.name, ...(template.aliases ?? [])].map((name) => [name, template])),
)

/** The bundled template of that name, in small letters, or of that other name. Throws Problem `service_template_unknown`. */
export function findTemplate(name: string): ServiceTemplate {
  const template = byName.get(name)
  if (template !== undefined) return template
  const hint = `There are: ${[...byName.keys()].join(', ')}. What is none of them is described with --origin and --inject, or by a file.`
  throw serviceProblem('service_template_unknown', { hint })
}
