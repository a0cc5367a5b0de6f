import type { Vendor } from './contract.ts'

const chat = ['max_tokens', 'max_completion_tokens']
const plain = ['max_tokens']
const responses = ['max_output_tokens']
const google = ['generationConfig.maxOutputTokens', 'generation_config.max_output_tokens']
const ollama = ['options.num_predict']
const none: readonly string[] = []

/** By which members a vendor bounds what it answers, at this path. What it does not heed must not make a call look small. */
export function outputBounds({ id, api }: Pick<Vendor, 'id' | 'api'>, path: string): readonly string[] {
  if (api === 'anthropic-messages') return path === '/v1/messages' ? plain : none
  if (path.endsWith('/chat/completions')) return chat
  if (api === 'google-gemini') return /:(?:generate|streamGenerate)Content$/.test(path) ? google : none
  if (id === 'ollama' && /\/api\/(?:chat|generate)$/.test(path)) return ollama
  if (path.endsWith('/completions')) return plain
  return path.endsWith('/responses') ? responses : none
}
