// The settings of the BotMaker door and of LLM traffic.
import { z } from 'zod'
import { onOff, setting, whole } from './setting-shapes.ts'

/** Read from the environment alone, when the gateway starts, and taken out of it: a secret is never a setting. */
export const BOTMAKER_ADMIN_TOKEN = 'ADMIN_TOKEN'
export const BOTMAKER_ADMIN_TOKEN_FILE = 'ADMIN_TOKEN_FILE'

const upstream = () =>
  z.string().transform((text, context): string | undefined => {
    if (text === '') return undefined
    const found = /^(https?:\/\/[^\s/?#@]+)\/?(?:v1\/?)?$/i.exec(text)
    if (found === null) context.addIssue('http://127.0.0.1:11434 is wanted: scheme, host and port')
    return found?.[1]?.toLowerCase()
  })

export const botmakerSettings = {
  botmakerDoor: setting(onOff(), {
    env: 'CLAVIGER_BOTMAKER',
    fallback: 'on',
    doc: 'The LLM gateway (`/v1/{vendor}/…`) on the agents’ listener, and at CLAVIGER_BOTMAKER_LISTEN.',
  }),
  botmakerRequestsPerMinute: setting(whole(0, 99_999), {
    env: 'CLAVIGER_BOTMAKER_REQUESTS_PER_MINUTE',
    fallback: '1000',
    doc: 'Requests from one address to the LLM gateway in any 60 seconds; more are answered 429. 0: no limit.',
  }),
  llmUsageDays: setting(whole(1, 3_650), {
    env: 'CLAVIGER_LLM_USAGE_DAYS',
    fallback: '90',
    doc: 'Days for which is kept what each LLM call took (`claviger llm usage`).',
  }),
  ollamaEvents: setting(onOff(), {
    env: 'CLAVIGER_OLLAMA_EVENTS',
    fallback: 'on',
    doc: 'Asks Ollama for whole answers, and makes them into the events that a client asked for, as BotMaker does. Off: Ollama streams by itself, as newer ones do well.',
  }),
  ollamaUpstream: setting(upstream(), {
    env: 'OLLAMA_UPSTREAM',
    fallback: '',
    doc: 'Where Ollama is, for example `http://127.0.0.1:11434`. Its name is resolved once, at the start. Without it there is no vendor `ollama`.',
  }),
}
