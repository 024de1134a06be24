/** Quantities in words. */

/** A length as clocks show it: `0:12`, `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const two = (part: number) => String(part).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  const tail = two(whole % 60)
  return hours > 0 ? `${hours}:${two(minutes)}:${tail}` : `${minutes}:${tail}`
}

/** Up to so many seconds a length is told to the second. */
const EXACT = 600

/** A length as people say it: `1 h 2 min`, `1 min 10 s`, `12 s`. */
export function length(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) {
    return `${whole} s`
  }
  if (whole < EXACT) {
    const rest = whole % 60
    return `${Math.floor(whole / 60)} min${rest > 0 ? ` ${rest} s` : ''}`
  }
  const minutes = Math.round(whole / 60)
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60]
  const parts = [hours > 0 ? `${hours} h` : '', rest > 0 ? `${rest} min` : '']
  return parts.filter(Boolean).join(' ')
}

/** How many are watching. */
export function viewers(count: number): string {
  const number = new Intl.NumberFormat('en').format(count)
  return count === 1 ? '1 viewer' : `${number} viewers`
}

/** One of the sounds to choose from. */
export interface Sound {
  /** As RFC 5646 has it. */
  language: string | null
}

/** What sounds are called: by their languages, and by numbers where that is not enough. */
export function soundNames(sounds: Sound[]): string[] {
  const languages = sounds.map(({ language }) => languageName(language))
  return languages.map((language, at) => {
    const isAlone = languages.filter((other) => other === language).length === 1
    const number = at + 1
    if (language === null) {
      return `Sound ${number}`
    }
    return isAlone ? language : `${language} (${number})`
  })
}

/** One of the qualities to choose from. */
export interface Quality {
  /** Of its pictures, in pixels; 0 where there are none. */
  height: number
  /** The most bits a second. */
  bitrate: number
}

/** What qualities are called: by the height of their pictures, and by their bit rates where that is not enough. */
export function qualityNames(qualities: Quality[]): string[] {
  return qualities.map(({ height, bitrate }) => {
    const isAlone = qualities.filter((other) => other.height === height).length === 1
    const rate = `${(bitrate / 1e6).toFixed(1)} Mbit/s`
    if (height === 0) {
      return rate
    }
    return isAlone ? `${height}p` : `${height}p, ${rate}`
  })
}

/** A language in English; null where it is not told. */
function languageName(tag: string | null): string | null {
  if (!tag || tag === 'und') {
    return null
  }
  try {
    return new Intl.DisplayNames('en', { type: 'language' }).of(tag) ?? tag
  } catch {
    // It is no language tag.
    return tag
  }
}

/** The last part of a name, and the folder before it. */
export function parts(name: string): { folder: string; file: string } {
  const cut = name.lastIndexOf('/')
  return { folder: name.slice(0, Math.max(0, cut)), file: name.slice(cut + 1) }
}

/** A hue in degrees that is always the same for one name, and another for most others (FNV-1a). */
export function hue(name: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(name)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  }
  return hash % 360
}
