import { serviceProblem } from '../contract.ts'
import type { ServiceTemplate } from '../service-template.ts'
import anthropic from './anthropic.json' with { type: 'json' }
import aws from './aws.json' with { type: 'json' }
import awsS3 from './aws-s3.json' with { type: 'json' }
import cerebras from './cerebras.json' with { type: 'json' }
import deepinfra from './deepinfra.json' with { type: 'json' }
import deepseek from './deepseek.json' with { type: 'json' }
import demo from './demo.json' with { type: 'json' }
import discord from './discord.json' with { type: 'json' }
import fireworks from './fireworks.json' with { type: 'json' }
import gemini from './gemini.json' with { type: 'json' }
import github from './github.json' with { type: 'json' }
import gitlab from './gitlab.json' with { type: 'json' }
import google from './google.json' with { type: 'json' }
import grok from './grok.json' with { type: 'json' }
import groq from './groq.json' with { type: 'json' }
import huggingface from './huggingface.json' with { type: 'json' }
import linear from './linear.json' with { type: 'json' }
import minimax from './minimax.json' with { type: 'json' }
import mistral from './mistral.json' with { type: 'json' }
import moonshot from './moonshot.json' with { type: 'json' }
import nebius from './nebius.json' with { type: 'json' }
import notion from './notion.json' with { type: 'json' }
import nvidia from './nvidia.json' with { type: 'json' }
import ollama from './ollama.json' with { type: 'json' }
import openai from './openai.json' with { type: 'json' }
import openrouter from './openrouter.json' with { type: 'json' }
import ovhcloud from './ovhcloud.json' with { type: 'json' }
import perplexity from './perplexity.json' with { type: 'json' }
import scaleway from './scaleway.json' with { type: 'json' }
import sendgrid from './sendgrid.json' with { type: 'json' }
import shopify from './shopify.json' with { type: 'json' }
import slack from './slack.json' with { type: 'json' }
import stripe from './stripe.json' with { type: 'json' }
import telegram from './telegram.json' with { type: 'json' }
import togetherai from './togetherai.json' with { type: 'json' }
import twilio from './twilio.json' with { type: 'json' }
import twitter from './twitter.json' with { type: 'json' }
import venice from './venice.json' with { type: 'json' }

/** The bundled templates, by name. That each is one is held by `bundled.test.ts`, not looked at again here. */
export const templates = [
  anthropic,
  aws,
  awsS3,
  cerebras,
  deepinfra,
  deepseek,
  demo,
  discord,
  fireworks,
  gemini,
  github,
  gitlab,
  google,
  grok,
  groq,
  huggingface,
  linear,
  minimax,
  mistral,
  moonshot,
  nebius,
  notion,
  nvidia,
  ollama,
  openai,
  openrouter,
  ovhcloud,
  perplexity,
  scaleway,
  sendgrid,
  shopify,
  slack,
  stripe,
  telegram,
  togetherai,
  twilio,
  twitter,
  venice,
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
