// Plays blocks through zita-convolver, for P3. It obeys the same questions as the players in
// streams.py, where they are described; p3.py compiles it:
//
//   g++ -O2 zita_driver.cc -o zita_driver -lzita-convolver -lpthread
//   ./zita_driver mono|stereo|matrix TAPS BLOCK PUSHES RESPONSE INPUT TIMES OUTPUT
//
// The quantum and the smallest partition are the block, the largest partition is the
// library's own limit; its helper threads have no real-time priority. Calls are synchronous: a
// call waits for the helpers whose results it needs, so nothing is ever late or left out.

#include <zita-convolver.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

namespace {

[[noreturn]] void fail(const std::string &why) {
    std::cerr << why << std::endl;
    std::exit(1);
}

int64_t now_ns(clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return int64_t(t.tv_sec) * 1000000000 + t.tv_nsec;
}

void sleep_until(int64_t due_ns) {
    timespec t;
    t.tv_sec = due_ns / 1000000000;
    t.tv_nsec = due_ns % 1000000000;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr)) {
    }
}

// The most resident memory so far, in KiB. getrusage also counts what ran here before exec().
long peak_kb() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("VmHWM:", 0) == 0) return std::atol(line.c_str() + 6);
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

void forget_peak() {
    std::ofstream("/proc/self/clear_refs") << "5\n";  // where that is not allowed, it stays
}

std::vector<float> read_floats(const std::string &path, size_t count) {
    std::vector<float> values(count);
    std::ifstream file(path, std::ios::binary);
    if (!file.read(reinterpret_cast<char *>(values.data()), count * sizeof(float)))
        fail("cannot read " + std::to_string(count) + " values of " + path);
    return values;
}

template <typename T>
void write_raw(const std::string &path, const T *values, size_t count) {
    std::ofstream file(path, std::ios::binary);
    if (!file.write(reinterpret_cast<const char *>(values), count * sizeof(T)))
        fail("cannot write " + path);
}

struct Player {
    uint32_t block;
    uint32_t pushes;
    uint32_t channels;  // inputs and outputs are as many
    std::string times_path, output_path;
    std::vector<float> input, output;
    Convproc convolver;

    void configure(std::vector<float> &response, uint32_t taps, bool matrix) {
        // its fastest: without vector mode it takes 1.6 times the CPU time (4 s, blocks of 64)
        convolver.set_options(Convproc::OPT_FFTW_MEASURE | Convproc::OPT_VECTOR_MODE);
        const float density = matrix ? 1.0f : 1.0f / channels;
        if (convolver.configure(channels, channels, taps, block, block, Convproc::MAXPART, density))
            fail("zita-convolver refuses this configuration");
        for (uint32_t o = 0; o < channels; ++o)
            for (uint32_t i = 0; i < channels; ++i) {
                if (!matrix && i != o) continue;
                float *h = &response[size_t(matrix ? o * channels + i : o) * taps];
                if (convolver.impdata_create(i, o, 1, h, 0, taps))
                    fail("zita-convolver refuses this response");
            }
        if (convolver.start_process(0, SCHED_OTHER)) fail("zita-convolver does not start");
    }

    void push(const float *x, float *y) {
        for (uint32_t c = 0; c < channels; ++c)
            std::memcpy(convolver.inpdata(c), x + size_t(c) * block, block * sizeof(float));
        convolver.process(true);
        for (uint32_t c = 0; c < channels; ++c)
            std::memcpy(y + size_t(c) * block, convolver.outdata(c), block * sizeof(float));
    }

    void play(int64_t count, int64_t period_ns, int64_t limit_ns, bool keep) {
        const size_t stride = size_t(channels) * block;
        std::vector<float> scratch(stride);
        std::vector<int64_t> times;
        times.reserve(count);
        const int64_t cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
        const int64_t begin = now_ns(CLOCK_MONOTONIC);
        for (int64_t n = 0; n < count; ++n) {
            const float *x = &input[size_t(n % pushes) * stride];
            float *y = keep ? &output[size_t(n % pushes) * stride] : scratch.data();
            if (period_ns) sleep_until(begin + n * period_ns);
            const int64_t start = now_ns(CLOCK_MONOTONIC);
            push(x, y);
            const int64_t end = now_ns(CLOCK_MONOTONIC);
            times.push_back(end - start);
            if (end - begin > limit_ns) break;
        }
        const int64_t spent = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        const long peak = peak_kb();
        write_raw(times_path, times.data(), times.size());
        if (keep)
            write_raw(output_path, output.data(), std::min<size_t>(times.size(), pushes) * stride);
        std::cout << "{\"cpu_ns\": " << spent << ", \"peak_kb\": " << peak << "}" << std::endl;
    }
};

}  // namespace

int main(int argc, char **argv) {
    if (argc != 9)
        fail("usage: zita_driver mono|stereo|matrix TAPS BLOCK PUSHES RESPONSE INPUT TIMES OUTPUT");
    const bool matrix = std::string(argv[1]) == "matrix";
    const uint32_t taps = std::atoi(argv[2]);
    Player player;
    player.channels = std::string(argv[1]) == "mono" ? 1 : 2;
    player.block = std::atoi(argv[3]);
    player.pushes = std::atoi(argv[4]);
    const size_t rows = player.channels * (matrix ? player.channels : 1);
    std::vector<float> response = read_floats(argv[5], rows * taps);
    player.input = read_floats(argv[6], size_t(player.pushes) * player.channels * player.block);
    player.output.assign(player.input.size(), 0.0f);
    player.times_path = argv[7];
    player.output_path = argv[8];
    forget_peak();
    const long baseline = peak_kb();
    player.configure(response, taps, matrix);
    std::cout << "{\"baseline_kb\": " << baseline << ", \"version\": \""
              << zita_convolver_major_version() << "." << zita_convolver_minor_version() << "\"}"
              << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        int64_t count, period_ns, limit_ns;
        int keep;
        if (!(words >> count >> period_ns >> limit_ns >> keep)) fail("cannot understand: " + line);
        player.play(count, period_ns, limit_ns, keep != 0);
    }
    player.convolver.stop_process();
    player.convolver.cleanup();
    return 0;
}
