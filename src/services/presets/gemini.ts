import { type Preset, thinking } from './preset.ts'

/** Gemini API: Google's models by API key. Everything else of Google's is in the preset `google`. */
export const gemini: Preset = {
  name: 'gemini',
  title: 'Google Gemini API',
  docs: 'https://ai.google.dev/api',
  settings: {
    origins: ['https://generativelanguage.googleapis.com'],
    injection: { kind: 'header', name: 'x-goog-api-key' },
    timeouts: { ...thinking },
  },
  actions: [
    ['models.list', 'GET', '/v1beta/models', 'models:read'],
    ['models.get', 'GET', '/v1beta/models/{model}', 'models:read'],
    ['models.generate', 'POST', '/v1beta/models/{model}:generateContent', 'inference:write'],
    ['models.stream', 'POST', '/v1beta/models/{model}:streamGenerateContent', 'inference:write'],
    ['models.count_tokens', 'POST', '/v1beta/models/{model}:countTokens', 'inference:write', 'low'],
    ['models.embed', 'POST', '/v1beta/models/{model}:embedContent', 'inference:write'],
    ['models.embed_batch', 'POST', '/v1beta/models/{model}:batchEmbedContents', 'inference:write'],
    ['models.predict', 'POST', '/v1beta/models/{model}:predict', 'inference:write'],
    ['openai.chat', 'POST', '/v1beta/openai/chat/completions', 'inference:write'],
    ['openai.embeddings', 'POST', '/v1beta/openai/embeddings', 'inference:write'],
    ['openai.models', 'GET', '/v1beta/openai/models', 'models:read'],
    ['files.list', 'GET', '/v1beta/files', 'files:read'],
    ['files.get', 'GET', '/v1beta/files/{file}', 'files:read'],
    ['files.upload', 'POST', '/upload/v1beta/files', 'files:write'],
    ['files.delete', 'DELETE', '/v1beta/files/{file}', 'files:delete'],
    ['caches.list', 'GET', '/v1beta/cachedContents', 'caches:read'],
    ['caches.create', 'POST', '/v1beta/cachedContents', 'caches:write'],
    ['tuned_models.delete', 'DELETE', '/v1beta/tunedModels/{model}', 'models:admin', 'high'],
    ['tuned_models.share', 'POST', '/v1beta/tunedModels/{model}/permissions', 'models:admin', 'high'],
  ],
}
