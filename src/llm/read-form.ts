/**
 * What a form with files (`multipart/form-data`, RFC 7578) says of itself, read while it passes: which model it names, how much of
 * it is text and how much files. Holds a part's head and the value of a short field, nothing else. Strict: what two readers may read
 * differently is lost, and says nothing.
 */
const MOST_HEAD = 8 * 1024
const MOST_VALUE = 512
const MOST_VALUES = 256
const BREAK = Buffer.from('\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')
const BOUNDARY = /^multipart\/form-data *; *boundary=(?:"([\w'()+,./:=?-]{1,70})"|([\w'+.-]{1,70})) *$/i
const DISPOSITION = /^form-data; *name="([^"\\\r\n]*)"(; *filename="[^"\r\n]*"(?:; *filename\*=[\w!#$&+.^`|~%'-]+)?)?$/i
/** Where else models may be named; many a reader takes `model[]` and ` model` for the name without. */
const OTHERS = /^\s*(?:model|models|fallbacks|fallback_models|extra_body)\s*(?:[.[]|$)/

interface Part {
  readonly name: string
  readonly isFile: boolean
}

export class FormReader {
  readonly models: string[] = []
  readonly others: string[] = []
  /** How many files there are, their bytes, and those of what is none. */
  files = 0
  fileBytes = 0
  textBytes = 0
  #state: 'start' | 'head' | 'body' | 'after' | 'done' | 'lost' = 'start'
  readonly #delimiter: Buffer
  /** What was not read yet: less than a delimiter, or a head that is not whole. */
  #rest = Buffer.alloc(0)
  #part: Part | undefined
  #value: Buffer[] | undefined
  #valueBytes = 0

  /** `type`: the request's only `Content-Type`. Undefined where it is no form, or its boundary cannot be read in one way alone. */
  static of(type: string): FormReader | undefined {
    const found = BOUNDARY.exec(type)
    const boundary = found?.[1] ?? found?.[2]
    return boundary === undefined ? undefined : new FormReader(boundary)
  }

  private constructor(boundary: string) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`)
    // The first delimiter has no line before it.
    this.#rest = Buffer.from(BREAK)
  }

  get lost(): boolean {
    return this.#state === 'lost'
  }

  /** Its last delimiter was seen. */
  get whole(): boolean {
    return this.#state === 'done'
  }

  /** There is no more of it. Without its last delimiter some readers take what there is, and others nothing. */
  end(): void {
    if (this.#state !== 'done') this.#lose()
  }

  push(chunk: Buffer): void {
    let text = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let before = -1
    while (text.length !== before && this.#state !== 'lost') {
      before = text.length
      text = this.#read(text)
    }
    // A copy: the chunk is somebody else's.
    this.#rest = this.#state === 'lost' ? Buffer.alloc(0) : Buffer.from(text)
  }

  /** What is left to read. */
  #read(text: Buffer): Buffer {
    if (this.#state === 'start') return this.#start(text)
    if (this.#state === 'head') return this.#head(text)
    if (this.#state === 'body') return this.#body(text)
    if (this.#state === 'after') return this.#after(text)
    // Behind the end nothing but the end of a line.
    return text.equals(BREAK.subarray(0, text.length)) ? text : this.#lose()
  }

  #start(text: Buffer): Buffer {
    const { length } = this.#delimiter
    const begins = text.subarray(0, length).equals(this.#delimiter.subarray(0, text.length))
    if (!begins) return this.#lose()
    if (text.length < length) return text
    this.#state = 'after'
    return text.subarray(length)
  }

  #after(text: Buffer): Buffer {
    if (text.length < 2) return text
    const end = text.toString('latin1', 0, 2)
    if (end !== '--' && end !== '\r\n') return this.#lose()
    this.#state = end === '--' ? 'done' : 'head'
    return text.subarray(2)
  }

  #head(text: Buffer): Buffer {
    const end = text.indexOf(HEAD_END)
    if (end < 0) return text.length > MOST_HEAD ? this.#lose() : text
    const part = partOf(text.toString('latin1', 0, end))
    if (part === undefined) return this.#lose()
    this.#part = part
    this.textBytes += end
    if (part.isFile) this.files += 1
    const isWanted = part.name === 'model' || OTHERS.test(part.name)
    if (isWanted && part.isFile) return this.#lose()
    this.#value = isWanted ? [] : undefined
    this.#valueBytes = 0
    this.#state = 'body'
    return text.subarray(end + HEAD_END.length)
  }

  #body(text: Buffer): Buffer {
    const end = text.indexOf(this.#delimiter)
    const most = end < 0 ? Math.max(0, text.length - this.#delimiter.length + 1) : end
    this.#take(text.subarray(0, most))
    if (end < 0) return text.subarray(most)
    this.#endPart()
    return this.#state === 'lost' ? text : text.subarray(end + this.#delimiter.length)
  }

  #take(bytes: Buffer): void {
    if (this.#part?.isFile === true) this.fileBytes += bytes.length
    else this.textBytes += bytes.length
    if (this.#value === undefined || bytes.length === 0) return
    this.#valueBytes += bytes.length
    if (this.#valueBytes > MOST_VALUE) this.#lose()
    else this.#value.push(Buffer.from(bytes))
  }

  #endPart(): void {
    if (this.#state === 'lost') return
    this.#state = 'after'
    if (this.#value === undefined) return
    const value = Buffer.concat(this.#value).toString('utf8')
    const list = this.#part?.name === 'model' ? this.models : this.others
    list.push(value)
    // What is not kept is not judged.
    if (list.length > MOST_VALUES) this.#lose()
  }

  #lose(): Buffer {
    this.#state = 'lost'
    return Buffer.alloc(0)
  }
}

/** Undefined where it says not in one way alone what it is: for many a reader a line ends with a line feed alone. */
function partOf(head: string): Part | undefined {
  if (/[^\t\x20-\x7e\x80-\xff]/.test(head.replaceAll('\r\n', ''))) return undefined
  let part: Part | undefined
  // It begins where the line of the delimiter ended.
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (colon < 1 || !/^[\w-]+$/.test(name) || name === 'content-transfer-encoding') return undefined
    if (name !== 'content-disposition') continue
    const found = DISPOSITION.exec(line.slice(colon + 1).trim())
    if (found === null || part !== undefined) return undefined
    part = { name: (found[1] as string).toLowerCase(), isFile: found[2] !== undefined }
  }
  return part
}
