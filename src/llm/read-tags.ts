/** Tags as BotMaker stored them: JSON, a list of texts. Undefined where the text is none; none for no text. */
export function readTags(text: string | undefined): readonly string[] | undefined {
  if (text === undefined || text === '') return []
  try {
    const read: unknown = JSON.parse(text)
    const isList = Array.isArray(read) && read.every((tag) => typeof tag === 'string')
    return isList ? read : undefined
  } catch {
    return undefined
  }
}
