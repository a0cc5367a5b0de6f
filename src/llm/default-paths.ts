/** What is open to everybody at a vendor: to ask models, embeddings, the list of models, batches. Data. */
import type { LlmApi } from './contract.ts'

const openai = [
  'POST /chat/completions',
  'POST /completions',
  'POST /responses',
  'POST /responses/input_tokens',
  'GET /responses/{id}',
  'GET /responses/{id}/input_items',
  'POST /responses/{id}/cancel',
  'POST /embeddings',
  'POST /moderations',
  'POST /rerank',
  'POST /images/generations',
  'POST /images/edits',
  'POST /images/variations',
  'POST /audio/speech',
  'POST /audio/transcriptions',
  'POST /audio/translations',
  'GET /models',
  'GET /models/{+id}',
  'GET /batches',
  'POST /batches',
  'GET /batches/{id}',
  'POST /batches/{id}/cancel',
]

const anthropic = [
  'POST /v1/messages',
  'POST /v1/messages/count_tokens',
  'POST /v1/complete',
  'GET /v1/models',
  'GET /v1/models/{id}',
  'GET /v1/messages/batches',
  'POST /v1/messages/batches',
  'GET /v1/messages/batches/{id}',
  'DELETE /v1/messages/batches/{id}',
  'POST /v1/messages/batches/{id}/cancel',
  'GET /v1/messages/batches/{id}/results',
]

const google = [
  'POST /models/{model}:generateContent',
  'POST /models/{model}:streamGenerateContent',
  'POST /models/{model}:countTokens',
  'POST /models/{model}:embedContent',
  'POST /models/{model}:batchEmbedContents',
  'POST /models/{model}:batchGenerateContent',
  'POST /models/{model}:predict',
  'POST /tunedModels/{model}:generateContent',
  'POST /tunedModels/{model}:streamGenerateContent',
  'GET /models',
  'GET /models/{model}',
  'GET /batches',
  'GET /batches/{id}',
  'POST /batches/{id}:cancel',
  'POST /openai/chat/completions',
  'POST /openai/embeddings',
  'GET /openai/models',
  'GET /openai/models/{+id}',
]

export const defaultPaths: Readonly<Record<LlmApi, readonly string[]>> = {
  'openai-responses': openai,
  'openai-completions': openai,
  'anthropic-messages': anthropic,
  'google-gemini': google,
}
