/** Slack's Web API: messages with their blocks, files, and what changes a conversation. Arguments in JSON or a form. */
import { type JsonValue, parseStrictJson } from '../../../ground/strict-json.ts'
import type { Preview, Quoted } from '../shown.ts'
import { visibleLine } from '../visible.ts'
import { type JsonObject, jsonOf, listOf, maybeFact, objectOf, type PreviewRequest, quote, textOf } from './request.ts'

interface Known {
  readonly title: (get: (name: string) => string) => string
  readonly facts: readonly string[]
}

const place = (get: (name: string) => string) => get('channel')
const messageFacts = ['channel', 'thread_ts', 'reply_broadcast', 'username', 'icon_url', 'icon_emoji', 'ts', 'post_at']

const known: Readonly<Record<string, Known>> = {
  'chat.postMessage': { title: (get) => `Slack message to ${place(get)}`, facts: messageFacts },
  'chat.postEphemeral': {
    title: (get) => `Slack message to ${get('user')} alone, in ${place(get)}`,
    facts: [...messageFacts, 'user'],
  },
  'chat.scheduleMessage': { title: (get) => `Slack message to ${place(get)}, later`, facts: messageFacts },
  'chat.update': { title: (get) => `Change a Slack message in ${place(get)}`, facts: messageFacts },
  'chat.delete': { title: (get) => `Delete a Slack message in ${place(get)}`, facts: ['channel', 'ts'] },
  'files.upload': {
    title: (get) => `Upload a file to Slack: ${get('filename')}`,
    facts: ['channels', 'filename', 'filetype', 'title', 'thread_ts'],
  },
  'files.getUploadURLExternal': {
    title: (get) => `Begin to upload a file to Slack: ${get('filename')}`,
    facts: ['filename', 'length', 'snippet_type'],
  },
  'files.completeUploadExternal': {
    title: (get) => `Share uploaded files in Slack, in ${get('channel_id')}`,
    facts: ['channel_id', 'channels', 'thread_ts', 'files'],
  },
  'files.delete': { title: () => 'Delete a file in Slack', facts: ['file'] },
  'conversations.create': {
    title: (get) => `Create the Slack channel ${get('name')}`,
    facts: ['name', 'is_private', 'team_id'],
  },
  'conversations.invite': {
    title: (get) => `Invite ${get('users')} to ${place(get)}`,
    facts: ['channel', 'users', 'force'],
  },
  'conversations.kick': { title: (get) => `Remove ${get('user')} from ${place(get)}`, facts: ['channel', 'user'] },
  'conversations.archive': { title: (get) => `Archive the Slack channel ${place(get)}`, facts: ['channel'] },
  'conversations.unarchive': { title: (get) => `Bring back the Slack channel ${place(get)}`, facts: ['channel'] },
  'conversations.rename': { title: (get) => `Rename ${place(get)} to ${get('name')}`, facts: ['channel', 'name'] },
  'conversations.setTopic': { title: (get) => `Set the topic of ${place(get)}`, facts: ['channel', 'topic'] },
  'conversations.setPurpose': { title: (get) => `Set the purpose of ${place(get)}`, facts: ['channel', 'purpose'] },
  'conversations.open': { title: (get) => `Open a conversation with ${get('users')}`, facts: ['users', 'channel'] },
  'conversations.join': { title: (get) => `Join ${place(get)}`, facts: ['channel'] },
  'conversations.leave': { title: (get) => `Leave ${place(get)}`, facts: ['channel'] },
}

export function previewSlack(request: PreviewRequest): Preview | undefined {
  const isSlack =
    request.host === 'slack.com' || request.host === 'www.slack.com' || request.action.service.name === 'slack'
  const method = isSlack ? /^\/api\/([A-Za-z.]+)$/.exec(request.path)?.[1] : undefined
  const found = method !== undefined && Object.hasOwn(known, method) ? known[method] : undefined
  const given = found === undefined ? undefined : argumentsOf(request)
  if (found === undefined || given === undefined) return undefined
  const get = (name: string) => visibleLine(written(given.get(name)) ?? 'nothing', 120)
  return {
    of: 'slack',
    title: found.title(get),
    facts: found.facts.flatMap((name) => maybeFact(name, given.get(name)) ?? []),
    texts: textsOf(given),
  }
}

/** A form counts before the query; with JSON, Slack reads nothing else. Undefined where a name stands twice. */
function argumentsOf(request: PreviewRequest): ReadonlyMap<string, JsonValue> | undefined {
  const json = jsonOf(request)
  if (json !== undefined) return new Map(Object.entries(json))
  const content = request.body?.content
  if (content !== undefined && content.kind !== 'form') return undefined
  const pairs = [...request.query, ...(content?.kind === 'form' ? content.pairs : [])]
  const given = new Map<string, JsonValue>(pairs.map(({ name, value }) => [name, value]))
  return given.size < pairs.length ? undefined : given
}

function written(value: JsonValue | undefined): string | undefined {
  return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value)
}

function textsOf(given: ReadonlyMap<string, JsonValue>): Quoted[] {
  const texts: Quoted[] = []
  for (const name of ['text', 'initial_comment', 'content']) {
    const text = textOf(given.get(name))
    if (text !== undefined && text !== '') texts.push(quote(name, text))
  }
  for (const name of ['blocks', 'attachments']) {
    const said = wordsIn(structure(given.get(name)))
    if (said.length > 0) texts.push(quote(name, said.join('\n')))
  }
  return texts
}

/** Forms carry blocks as JSON text. */
function structure(value: JsonValue | undefined): JsonValue | undefined {
  if (typeof value !== 'string') return value
  try {
    return parseStrictJson(Buffer.from(value))
  } catch {
    return undefined
  }
}

const SAID = [
  'text',
  'url',
  'alt_text',
  'title',
  'fallback',
  'pretext',
  'image_url',
  'title_link',
  'footer',
  'value',
  'name',
]
const MAX_WORDS = 500

/** Every text that some block says, in the order in which they stand. */
function wordsIn(value: JsonValue | undefined): string[] {
  const words: string[] = []
  const walk = (one: JsonValue | undefined): void => {
    if (words.length >= MAX_WORDS) return
    for (const item of listOf(one)) walk(item)
    const object: JsonObject = objectOf(one) ?? {}
    for (const [name, member] of Object.entries(object)) {
      if (typeof member !== 'string') walk(member)
      else if (SAID.includes(name) && member !== '') words.push(name === 'text' ? member : `${name}: ${member}`)
    }
  }
  walk(value)
  return words
}
