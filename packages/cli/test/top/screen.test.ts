import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Screen } from '../../src/top/screen.ts';

class FakeOutput extends EventEmitter {
  columns = 80;
  rows = 24;
  writableNeedDrain = false;
  text = '';
  // An invalid descriptor: no write succeeds, as if the terminal were gone.
  readonly fd = -1;

  write(text: string): void {
    this.text += text;
  }
}

class FakeInput extends EventEmitter {
  readonly isTTY = true;
  readonly modes: boolean[] = [];

  setRawMode(isRaw: boolean): void {
    this.modes.push(isRaw);
  }

  listenerCountOfKeys(): number {
    return this.listenerCount('keypress');
  }

  resume(): void {}
  pause(): void {}
}

let input: FakeInput;
let output: FakeOutput;
let screen: Screen;
let events: string[];

beforeEach(() => {
  [input, output, events] = [new FakeInput(), new FakeOutput(), []];
  screen = new Screen(input as never, output as never, {
    onKey: (key) => events.push(key),
    onRedraw: () => events.push('redraw'),
    onLost: () => events.push('lost'),
  });
  onTestFinished(() => screen.close());
});

describe('Screen', () => {
  it('switches to the alternate screen, and draws each line over the earlier text', () => {
    expect(input.modes).toEqual([true]);
    expect(output.text).toBe('\x1b[?1049h\x1b[?25l\x1b[2J');
    output.text = '';
    screen.draw(['a', 'b']);
    expect(output.text).toBe('\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J');
  });

  it('draws nothing while the terminal does not read its output', () => {
    output.writableNeedDrain = true;
    output.text = '';
    screen.draw(['a']);
    expect(output.text).toBe('');
  });

  it('names keys, and does not take S for s', () => {
    const typed = ['s', 'S', '?', '\r', ' ', '\x03', '\x1b[A', '\x1b[6~', '\x7f'];
    for (const text of typed) input.emit('data', Buffer.from(text));
    expect(events).toEqual([
      's',
      'S',
      '?',
      'return',
      'space',
      'ctrl+c',
      'up',
      'pagedown',
      'backspace',
    ]);
  });

  it('redraws when the size changes', () => {
    output.columns = 40;
    output.emit('resize');
    expect([screen.width, events]).toEqual([40, ['redraw']]);
  });

  it('assumes 80 columns and 24 rows if the terminal reports no size', () => {
    [output.columns, output.rows] = [0, 0];
    expect([screen.width, screen.height]).toEqual([80, 24]);
  });

  it('reports that the terminal is gone, and writes no more', () => {
    output.emit('error', new Error('EIO'));
    output.text = '';
    screen.draw(['a']);
    screen.close();
    expect([events, output.text]).toEqual([['lost'], '']);
  });

  it('leaves no listener behind', () => {
    const before = process.listenerCount('SIGCONT');
    screen.close();
    expect(process.listenerCount('SIGCONT')).toBe(before - 1);
    expect([output.listenerCount('resize'), input.listenerCountOfKeys()]).toEqual([0, 0]);
  });
});
