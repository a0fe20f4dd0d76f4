"use strict";
// The interactive view: triangles lit by a key light and the sky, in WebGL. No library.
// A mesh is a Float32Array with six numbers for each corner: position in metres, and normal.

const VERTEX_SHADER = `
attribute vec3 position, normal;
uniform mat4 projection, camera;
varying vec3 n, p;
void main() {
  vec4 seen = camera * vec4(position, 1.0);
  n = mat3(camera) * normal;
  p = seen.xyz;
  gl_Position = projection * seen;
}`;
const FRAGMENT_SHADER = `
precision mediump float;
uniform vec3 colour, up;
uniform float skin;
varying vec3 n, p;
void main() {
  vec3 normal = normalize(n), eye = normalize(-p);
  if (dot(normal, eye) < 0.0) normal = -normal;
  vec3 key = normalize(vec3(-0.55, 0.75, 0.75));
  float wrap = mix(0.05, 0.22, skin);
  float light = max(0.0, (dot(normal, key) + wrap) / (1.0 + wrap));
  float sky = 0.5 + 0.5 * dot(normal, up);
  vec3 shade = vec3(1.0, 0.97, 0.92) * 0.74 * light + mix(vec3(0.30, 0.27, 0.25), vec3(0.42, 0.45, 0.50), sky);
  vec3 glow = vec3(0.06, 0.015, 0.01) * skin * (1.0 - light);
  float shine = pow(max(0.0, dot(normal, normalize(key + eye))), mix(40.0, 18.0, skin)) * mix(0.16, 0.06, skin);
  float edge = pow(1.0 - max(0.0, dot(normal, eye)), 3.0) * 0.10;
  vec3 linear = colour * (shade + glow) + shine + edge;
  gl_FragColor = vec4(pow(min(linear, 1.0), vec3(1.0 / 2.2)), 1.0);
}`;
const COLOURS = { object: [0.36, 0.48, 0.57], hand: [0.74, 0.51, 0.40] };  // linear
const OPENING = 26 * Math.PI / 180;
const WHOLE_OBJECT = 0.3, NEAR_THE_HAND = 0.2;  // metres from the middle of the hand

class Scene {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl", { antialias: true, alpha: true, preserveDrawingBuffer: true });
    this.works = this.gl !== null;
    this.parts = {};
    this.shown = { object: true, hand: true };
    this.turn = { azimuth: 0.7, elevation: 0.3 };
    this.target = [0, 0, 0];
    this.distance = 0.5;
    this.waiting = false;
    if (!this.works) return;
    this.build();
    this.listen();
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  build() {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX_SHADER], [gl.FRAGMENT_SHADER, FRAGMENT_SHADER]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    this.place = {};
    for (const name of ["position", "normal"]) {
      this.place[name] = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(this.place[name]);
    }
    for (const name of ["projection", "camera", "colour", "up", "skin"]) {
      this.place[name] = gl.getUniformLocation(program, name);
    }
  }

  // Show another mesh as "object" or "hand"; null for none.
  set(name, data) {
    const gl = this.gl;
    if (this.parts[name]) gl.deleteBuffer(this.parts[name].buffer);
    delete this.parts[name];
    if (data && data.length) {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
      this.parts[name] = { buffer, data, count: data.length / 6 };
    }
    this.redraw();
  }

  // Look at everything from a direction (x, y, z), near enough that the hand stays large.
  lookFrom(direction) {
    const [x, y, z] = direction;
    this.turn = { azimuth: Math.atan2(y, x), elevation: Math.asin(Math.max(-1, Math.min(1, z))) };
    if (!this.parts.hand) return;
    const hand = bounds(this.parts.hand.data), middle = hand.low.map((low, i) => (low + hand.high[i]) / 2);
    const about = data => {  // all of it, but of a large object only what is near the hand
      const points = [];
      for (let i = 0; i < data.length; i += 6) points.push(data.subarray(i, i + 3));
      const away = points.map(p => Math.hypot(p[0] - middle[0], p[1] - middle[1], p[2] - middle[2]));
      const far = away.some(distance => distance > WHOLE_OBJECT);
      return far ? points.filter((_, i) => away[i] < NEAR_THE_HAND) : points;
    };
    this.frame(Object.values(this.parts).flatMap(part => about(part.data)));
  }

  // Put the points (arrays of three) in the middle of the picture, as large as fits.
  frame(points) {
    const axes = this.axes(), low = [Infinity, Infinity, Infinity], high = low.map(value => -value);
    const seen = points.map(p => axes.map(axis => axis[0] * p[0] + axis[1] * p[1] + axis[2] * p[2]));
    for (const point of seen) {
      for (let k = 0; k < 3; k++) {
        low[k] = Math.min(low[k], point[k]);
        high[k] = Math.max(high[k], point[k]);
      }
    }
    const middle = low.map((value, k) => (value + high[k]) / 2), tangent = Math.tan(OPENING / 2);
    const aspect = Math.max(1, this.canvas.clientWidth) / Math.max(1, this.canvas.clientHeight);
    this.target = [0, 1, 2].map(i => axes[0][i] * middle[0] + axes[1][i] * middle[1] + axes[2][i] * middle[2]);
    this.distance = 0;
    for (const [x, y, z] of seen) {
      const wide = Math.max(Math.abs(x - middle[0]) / aspect, Math.abs(y - middle[1])) * 1.1 / tangent;
      this.distance = Math.max(this.distance, wide + z - middle[2]);
    }
    this.redraw();
  }

  axes() {  // rows: right, up, backwards
    const { azimuth, elevation } = this.turn;
    const ca = Math.cos(azimuth), sa = Math.sin(azimuth), ce = Math.cos(elevation), se = Math.sin(elevation);
    return [[-sa, ca, 0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]];
  }

  redraw() {
    if (this.waiting || !this.works) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.draw(); });
  }

  draw() {
    const gl = this.gl, canvas = this.canvas, fine = Math.min(3, Math.max(2, window.devicePixelRatio || 1));  // smooth edges
    const width = Math.max(1, Math.round(canvas.clientWidth * fine));
    const height = Math.max(1, Math.round(canvas.clientHeight * fine));
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const [right, up, back] = this.axes(), t = this.target;
    const moved = axis => -(axis[0] * t[0] + axis[1] * t[1] + axis[2] * t[2]);
    const camera = [right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0,
      moved(right), moved(up), moved(back) - this.distance, 1];
    const f = 1 / Math.tan(OPENING / 2), near = Math.max(0.005, this.distance - 1.2), far = this.distance + 1.2;
    const projection = [f * height / width, 0, 0, 0, 0, f, 0, 0,
      0, 0, (far + near) / (near - far), -1, 0, 0, 2 * far * near / (near - far), 0];
    gl.uniformMatrix4fv(this.place.camera, false, camera);
    gl.uniformMatrix4fv(this.place.projection, false, projection);
    gl.uniform3f(this.place.up, right[2], up[2], back[2]);
    for (const [name, part] of Object.entries(this.parts)) if (this.shown[name]) this.drawPart(name, part);
  }

  drawPart(name, part) {
    const gl = this.gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, part.buffer);
    gl.vertexAttribPointer(this.place.position, 3, gl.FLOAT, false, 24, 0);
    gl.vertexAttribPointer(this.place.normal, 3, gl.FLOAT, false, 24, 12);
    gl.uniform3fv(this.place.colour, COLOURS[name]);
    gl.uniform1f(this.place.skin, name === "hand" ? 1 : 0);
    gl.drawArrays(gl.TRIANGLES, 0, part.count);
  }

  listen() {
    const canvas = this.canvas, fingers = new Map();
    canvas.addEventListener("contextmenu", event => event.preventDefault());
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, event => fingers.delete(event.pointerId));
    }
    canvas.addEventListener("pointermove", event => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const spread = () => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
      const wide = fingers.size === 2 ? spread() : 0;
      const dx = event.clientX - before[0], dy = event.clientY - before[1];
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      if (wide) this.zoom(wide / Math.max(1, spread()));
      else if (event.buttons & 6 || event.shiftKey) this.pan(dx, dy);
      else this.rotate(dx, dy);
    });
    canvas.addEventListener("wheel", event => {
      event.preventDefault();
      this.zoom(Math.exp(Math.max(-100, Math.min(100, event.deltaY)) * 0.0015));
    }, { passive: false });
  }

  rotate(dx, dy) {
    this.turn.azimuth -= dx * 0.008;
    this.turn.elevation = Math.max(-1.55, Math.min(1.55, this.turn.elevation + dy * 0.008));
    this.redraw();
  }

  zoom(factor) {
    this.distance = Math.max(0.04, Math.min(4, this.distance * factor));
    this.redraw();
  }

  pan(dx, dy) {
    const step = 2 * this.distance * Math.tan(OPENING / 2) / Math.max(1, this.canvas.clientHeight);
    const [right, up] = this.axes();
    this.target = this.target.map((value, i) => value + step * (up[i] * dy - right[i] * dx));
    this.redraw();
  }
}

function bounds(data) {
  const low = [Infinity, Infinity, Infinity], high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < data.length; i += 6) {
    for (let k = 0; k < 3; k++) {
      low[k] = Math.min(low[k], data[i + k]);
      high[k] = Math.max(high[k], data[i + k]);
    }
  }
  return { low, high };
}
